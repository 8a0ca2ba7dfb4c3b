# Requests of a unary gRPC client: most fields become one byte; timeouts are
# never indexed by choice, the credentials by demand.
block 838644956272d141fc1eca245f15852a4b631b87eb1968a0ff418ba0e41d139d09b8d800d87f5f8b1d75d0620d263d4c4d65644082497f864d833505b11f7a8a49509589418b52580ae0408e9acac8b0c842d6958b510f21aa9b903485a9264fafa90b2d03497ea6f66aff00899acac8b24d494f6a7f837df7691f088bba51d85b1441496152b03f
field :method POST
field :scheme http
field :path /helloworld.Greeter/SayHello
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 997m
field authorization Bearer\20secret-0
block 838644946272d141fc1eca245f15852a4b631b87eb41ec2fc3c2c1c0bf000c677270632d74696d656f757405313031306d1f088bba51d85b1441496152b07f
field :method POST
field :scheme http
field :path /helloworld.Greeter/SayMore
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1010m
field authorization Bearer\20secret-1
block 838644926272d141fc1eca245f15852a4b631b927affc4c3c2c1c000899acac8b24d494f6a7f840804cd3f1f088bba51d85b1441496152b0bf
field :method POST
field :scheme http
field :path /helloworld.Greeter/Stop
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1023m
field authorization Bearer\20secret-2
block 8386c5c4c3c2c1c0000c677270632d74696d656f757405313033366d1f088bba51d85b1441496152b33f
field :method POST
field :scheme http
field :path /helloworld.Greeter/SayHello
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1036m
field authorization Bearer\20secret-3
block 8386bfc4c3c2c1c000899acac8b24d494f6a7f84081a7e9f1f088bba51d85b1441496152b35f
field :method POST
field :scheme http
field :path /helloworld.Greeter/SayMore
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1049m
field authorization Bearer\20secret-4
block 8386bec4c3c2c1c0000c677270632d74696d656f757405313036326d1f088bba51d85b1441496152b37f
field :method POST
field :scheme http
field :path /helloworld.Greeter/Stop
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1062m
field authorization Bearer\20secret-5
block 8386c5c4c3c2c1c000899acac8b24d494f6a7f84081d6e9f1f088bba51d85b1441496152b39f400974726163652d62696e0c41414543417751462f362b3d
field :method POST
field :scheme http
field :path /helloworld.Greeter/SayHello
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1075m
field authorization Bearer\20secret-6
field trace-bin AAECAwQF/6+=
block 8386c0c5c4c3c2c1000c677270632d74696d656f757405313038386d1f088bba51d85b1441496152b3bf7e8b861c17a1f1b30b0effb83f
field :method POST
field :scheme http
field :path /helloworld.Greeter/SayMore
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1088m
field authorization Bearer\20secret-7
field trace-bin AAECAwQF/7+=
block 8386c0c6c5c4c3c200899acac8b24d494f6a7f8408401a7f1f088bba51d85b1441496152b3df7e0c41414543417751462f382b3d
field :method POST
field :scheme http
field :path /helloworld.Greeter/Stop
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1101m
field authorization Bearer\20secret-8
field trace-bin AAECAwQF/8+=
block 8386c8c7c6c5c4c3000c677270632d74696d656f757405313131346d1f088bba51d85b1441496152b3ff7e8b861c17a1f1b30b0fffb83f
field :method POST
field :scheme http
field :path /helloworld.Greeter/SayHello
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1114m
field authorization Bearer\20secret-9
field trace-bin AAECAwQF/9+=
block 8386c3c8c7c6c5c400899acac8b24d494f6a7f840844ed3f1f088bba51d85b1441496152b0417e0d41414543417751462f31302b3d
field :method POST
field :scheme http
field :path /helloworld.Greeter/SayMore
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1127m
field authorization Bearer\20secret-10
field trace-bin AAECAwQF/10+=
block 8386c3c9c8c7c6c5000c677270632d74696d656f757405313134306d1f088bba51d85b1441496152b0437e8b861c17a1f1b30b010ffb83
field :method POST
field :scheme http
field :path /helloworld.Greeter/Stop
field :authority localhost:50051
field content-type application/grpc
field te trailers
field user-agent test-client/1.0
field grpc-accept-encoding identity,deflate,gzip
field grpc-timeout 1140m
field authorization Bearer\20secret-11
field trace-bin AAECAwQF/11+=
