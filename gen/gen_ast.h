// SPDX-License-Identifier: MIT
// What a .proto file says, as a tree. The parser fills it; the resolver adds
// what names refer to; the names of C are added last. All of it lives in one
// arena. Lists are singly linked, in the order of the source.

#ifndef GEN_AST_H
#define GEN_AST_H

#include "gen/gen_text.h"

// GEN_LIST(x) is a list of struct x, which has a member next.
#define GEN_LIST(tag) \
 struct {             \
  struct tag *first;  \
  struct tag *last;   \
  size_t count;       \
 }

#define GEN_APPEND(list, item) \
 do {                          \
  if ((list).last == NULL) {   \
   (list).first = (item);      \
  } else {                     \
   (list).last->next = (item); \
  }                            \
  (list).last = (item);        \
  (list).count++;              \
 } while (0)

enum gen_limits {
    GEN_MAX_NESTING = 64,         // messages, values of options
    GEN_MAX_IMPORT_DEPTH = 128,   // files that import files
    GEN_MAX_NAME = 1000,          // bytes of a full name
    GEN_MAX_NUMBER = 536870911,   // of a field: 2^29 - 1
    GEN_MAX_FILE_BYTES = 1 << 28, // of one .proto file
    GEN_MAX_FIELDS = 65535        // of a message
};

// Numbered as in descriptor.proto.
enum gen_type {
    GEN_TYPE_NAMED = 0, // not resolved yet
    GEN_TYPE_DOUBLE = 1,
    GEN_TYPE_FLOAT = 2,
    GEN_TYPE_INT64 = 3,
    GEN_TYPE_UINT64 = 4,
    GEN_TYPE_INT32 = 5,
    GEN_TYPE_FIXED64 = 6,
    GEN_TYPE_FIXED32 = 7,
    GEN_TYPE_BOOL = 8,
    GEN_TYPE_STRING = 9,
    GEN_TYPE_GROUP = 10,
    GEN_TYPE_MESSAGE = 11,
    GEN_TYPE_BYTES = 12,
    GEN_TYPE_UINT32 = 13,
    GEN_TYPE_ENUM = 14,
    GEN_TYPE_SFIXED32 = 15,
    GEN_TYPE_SFIXED64 = 16,
    GEN_TYPE_SINT32 = 17,
    GEN_TYPE_SINT64 = 18
};

enum gen_label {
    GEN_LABEL_NONE,
    GEN_LABEL_OPTIONAL,
    GEN_LABEL_REQUIRED,
    GEN_LABEL_REPEATED
};

enum gen_syntax { GEN_PROTO2, GEN_PROTO3, GEN_EDITIONS };

enum gen_value_kind {
    GEN_VALUE_NAME,
    GEN_VALUE_INTEGER,
    GEN_VALUE_FLOAT,
    GEN_VALUE_STRING,
    GEN_VALUE_AGGREGATE // { ... }, which nothing here needs
};

struct gen_option {
    struct gen_option *next;
    struct gen_spot spot;
    const char *name; // as written, without blanks: "(a.b).c"
    enum gen_value_kind kind;
    struct gen_spot value_spot;
    const char *text; // NAME, STRING
    size_t text_size;
    uint64_t number; // INTEGER
    bool is_negative;
    bool is_huge;
};
typedef GEN_LIST(gen_option) gen_options;

// Numbers that are reserved, or given to extensions.
struct gen_range {
    struct gen_range *next;
    struct gen_spot spot;
    int64_t first;
    int64_t last;
};
typedef GEN_LIST(gen_range) gen_ranges;

struct gen_reserved {
    struct gen_reserved *next;
    struct gen_spot spot;
    const char *name;
};
typedef GEN_LIST(gen_reserved) gen_reserved_names;

struct gen_oneof {
    struct gen_oneof *next;
    struct gen_spot spot;
    struct gen_piece comment;
    const char *name;
    size_t field_count;
    gen_options options;
    const char *c_name;
    const char *c_case; // the member that tells which field is set
    const char *c_none; // the constant 0
};

struct gen_field {
    struct gen_field *next;
    struct gen_spot spot;
    struct gen_piece comment;
    const char *name;
    const char *json_name;
    struct gen_spot json_spot; // of the option; source is NULL without one
    enum gen_label label;
    enum gen_type type;
    const char *type_name; // of NAMED types, as written
    struct gen_spot type_spot;
    uint32_t number;
    struct gen_spot number_spot;
    bool is_map;
    bool is_deprecated;
    bool is_packed;
    struct gen_oneof *oneof;
    struct gen_message *message;  // MESSAGE, GROUP
    struct gen_enum *enumeration; // ENUM
    gen_options options;
    const char *c_name;
    const char *c_has;      // the bool beside it, or NULL
    const char *c_constant; // of a oneof's enum, or NULL
};
typedef GEN_LIST(gen_field) gen_fields;

struct gen_value {
    struct gen_value *next;
    struct gen_spot spot;
    struct gen_piece comment;
    const char *name;
    int32_t number;
    struct gen_spot number_spot;
    bool is_deprecated;
    gen_options options;
    const char *c_name;
};

struct gen_enum {
    struct gen_enum *next;
    struct gen_spot spot;
    struct gen_piece comment;
    const char *name;
    const char *full_name;
    struct gen_file *file;
    bool is_deprecated;
    GEN_LIST(gen_value) values;
    gen_ranges reserved;
    gen_reserved_names reserved_names;
    gen_options options;
    const char *c_name;
};
typedef GEN_LIST(gen_enum) gen_enums;

// extend Extendee { fields }
struct gen_extend {
    struct gen_extend *next;
    const char *type_name;
    struct gen_spot type_spot;
    struct gen_message *extendee;
    gen_fields fields;
};
typedef GEN_LIST(gen_extend) gen_extends;

struct gen_message {
    struct gen_message *next;
    struct gen_spot spot;
    struct gen_piece comment;
    const char *name;
    const char *full_name;
    struct gen_message *parent;
    struct gen_file *file;
    bool is_map_entry;
    bool is_group;
    bool is_deprecated;
    gen_fields fields;
    GEN_LIST(gen_oneof) oneofs;
    GEN_LIST(gen_message) messages;
    gen_enums enums;
    gen_extends extends;
    gen_ranges reserved;
    gen_ranges extensions;
    gen_reserved_names reserved_names;
    gen_options options;
    const char *c_name;
};

struct gen_method {
    struct gen_method *next;
    struct gen_spot spot;
    struct gen_piece comment;
    const char *name;
    const char *request_name; // as written
    struct gen_spot request_spot;
    const char *reply_name;
    struct gen_spot reply_spot;
    bool streams_requests;
    bool streams_replies;
    size_t place; // in its service
    struct gen_message *request;
    struct gen_message *reply;
    bool is_deprecated;
    gen_options options;
    const char *c_member; // of the struct of handlers
    const char *c_name;   // Service_Method
};

struct gen_service {
    struct gen_service *next;
    struct gen_spot spot;
    struct gen_piece comment;
    const char *name;
    const char *full_name;
    bool is_deprecated;
    GEN_LIST(gen_method) methods;
    gen_options options;
    const char *c_name;
};

struct gen_import {
    struct gen_import *next;
    struct gen_spot spot;
    const char *name;
    bool is_public;
    bool is_weak;
    struct gen_file *file;
};

struct gen_file {
    struct gen_file *next;
    const char *name; // as it is imported: "google/rpc/status.proto"
    struct gen_source source;
    enum gen_syntax syntax;
    const char *syntax_name;     // "proto3", "2023"
    struct gen_spot syntax_spot; // of that string; source NULL: there is none
    struct gen_piece comment;    // of the syntax line
    const char *package;         // "" for none
    struct gen_spot package_spot;
    GEN_LIST(gen_import) imports;
    GEN_LIST(gen_message) messages;
    gen_enums enums;
    gen_extends extends;
    GEN_LIST(gen_service) services;
    gen_options options;
    bool is_wanted;           // code is generated for it
    bool is_loading;          // its imports are being read: to find cycles
    bool is_broken;           // it, or what it imports, could not be read
    struct gen_import *cycle; // while loading: the import that is followed
    struct gen_map visible;   // files ("/name") and packages that it can name
};

#endif
