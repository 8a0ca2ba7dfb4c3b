// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"
)

// security is what the flags say about TLS, and the last peer that was seen.
type security struct {
	useTLS     bool
	caFile     string // a client's
	certFile   string // a server's; a client's for mutual TLS
	keyFile    string
	clientCA   string // server: clients must have a certificate of one
	name       string
	version    string // "1.2" or "1.3": that one alone
	keyLogFile string
	noALPN     bool // crypto/tls without grpc-go's credentials, which have ALPN
	mutex      sync.Mutex
	seen       string
}

func readSecurity(arguments []string) (*security, error) {
	s := &security{}
	flags := flag.NewFlagSet("peer", flag.ContinueOnError)
	flags.BoolVar(&s.useTLS, "use_tls", false, "")
	flags.StringVar(&s.caFile, "ca_file", "", "")
	flags.StringVar(&s.certFile, "tls_cert_file", "", "")
	flags.StringVar(&s.keyFile, "tls_key_file", "", "")
	flags.StringVar(&s.clientCA, "client_ca_file", "", "")
	flags.StringVar(&s.name, "server_host_override", "", "")
	flags.StringVar(&s.version, "tls_version", "", "")
	flags.StringVar(&s.keyLogFile, "tls_key_log_file", "", "")
	flags.BoolVar(&s.noALPN, "no_alpn", false, "")
	return s, flags.Parse(arguments)
}

func pool(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate", file)
	}
	return roots, nil
}

func (s *security) config() (*tls.Config, error) {
	config := &tls.Config{ServerName: s.name}
	versions := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	config.MinVersion = versions[s.version]
	config.MaxVersion = versions[s.version]
	var err error
	if config.RootCAs, err = pool(s.caFile); err != nil {
		return nil, err
	}
	if config.ClientCAs, err = pool(s.clientCA); err != nil {
		return nil, err
	}
	if s.clientCA != "" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if s.certFile != "" {
		pair, err := tls.LoadX509KeyPair(s.certFile, s.keyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if s.keyLogFile != "" {
		if config.KeyLogWriter, err = os.Create(s.keyLogFile); err != nil {
			return nil, err
		}
	}
	return config, nil
}

// ---- a server ---------------------------------------------------------------

// server is one on that listener, or on another that it returns.
func (s *security) server(listener net.Listener) (*grpc.Server, net.Listener, error) {
	watch := grpc.UnaryInterceptor(s.watchServer)
	if !s.useTLS {
		return grpc.NewServer(), listener, nil
	}
	config, err := s.config()
	if err != nil {
		return nil, nil, err
	}
	if s.noALPN {
		return grpc.NewServer(watch), tls.NewListener(listener, config), nil
	}
	return grpc.NewServer(watch, grpc.Creds(credentials.NewTLS(config))), listener, nil
}

func (s *security) watchServer(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	client, _ := peer.FromContext(ctx)
	s.look(client)
	return handler(ctx, request)
}

// ---- a client ---------------------------------------------------------------

// options are those of a client; resume, of one that keeps sessions.
func (s *security) options(resume bool) ([]grpc.DialOption, error) {
	if !s.useTLS {
		return []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, nil
	}
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	if resume {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	}
	creds := credentials.NewTLS(config)
	if s.noALPN {
		creds = withoutALPN{insecure.NewCredentials(), config}
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithUnaryInterceptor(s.watchClient),
	}, nil
}

func (s *security) watchClient(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	var server peer.Peer
	err := invoke(ctx, method, request, reply, connection, append(options, grpc.Peer(&server))...)
	s.look(&server)
	return err
}

// withoutALPN is TLS by crypto/tls alone.
type withoutALPN struct {
	credentials.TransportCredentials
	config *tls.Config
}

func (w withoutALPN) ClientHandshake(ctx context.Context, _ string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	connection := tls.Client(raw, w.config)
	if err := connection.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	return connection, credentials.TLSInfo{
		State:          connection.ConnectionState(),
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}, nil
}

func (w withoutALPN) Clone() credentials.TransportCredentials {
	return w
}

// ---- what is seen -----------------------------------------------------------

// look prints who the peer is, unless it is that of the call before:
//
//	identity TLS 1.2,h2,NAME,full,CIPHER,grpc-go 1.77.0
func (s *security) look(peer *peer.Peer) {
	info, isTLS := peer.AuthInfo.(credentials.TLSInfo)
	if !isTLS {
		return
	}
	state := info.State
	name, handshake := "nobody", "full"
	if len(state.VerifiedChains) > 0 {
		name = state.VerifiedChains[0][0].Subject.CommonName
	}
	if state.DidResume {
		handshake = "resumed"
	}
	seen := fmt.Sprintf("identity %s,%s,%s,%s,%s,grpc-go %s", tls.VersionName(state.Version), state.NegotiatedProtocol,
		name, handshake, tls.CipherSuiteName(state.CipherSuite), grpc.Version)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if seen != s.seen {
		s.seen = seen
		io.WriteString(os.Stderr, seen+"\n")
	}
}
