// SPDX-License-Identifier: MIT
// Stories: the blocks of a connection that other encoders wrote, with the
// fields they stand for. Each is decoded under several cuts; its fields are
// then encoded by us and decoded back.
//
// The directory is that of the environment variable HPACK_STORIES, made by
// tests/hpack_stories.py from a public archive; without it, our own few in
// tests/vectors/hpack. A story is a text file whose name ends in .story:
//
//   # a comment
//   limit 1365            the decoder's table limit is acknowledged
//   block 8286...         a block, in hex
//   field :method GET     a field of the last block: name and value; \xx is
//                         the byte with that number, as in \20 for a space

#include "tests/hpack_kit.h"

#include <dirent.h>

enum { STORY_BLOCK_MAX = 65536, STORY_FIELDS_MAX = 256 };

struct totals {
    unsigned long stories;
    unsigned long blocks;
    unsigned long fields;
    unsigned long text_bytes;
    unsigned long read_bytes;    // as the story has them
    unsigned long written_bytes; // as we encode them
};

// One reader of a story, and our own connection with the same fields.
struct teller {
    struct test_heap heap;
    struct hpack_decoder decoder;
    struct hpack_block block;
    struct slab pool;
    struct chunk_queue queue;
    struct hpack_encoder our_encoder;
    struct hpack_decoder our_decoder;
    struct hpack_block our_block;
    size_t cut;
    uint64_t seed;
};

static void teller_init(struct teller *teller, size_t cut)
{
    struct hpack_limits limits = kit_no_limits();
    const grpc_allocator *allocator = &teller->heap.allocator;
    test_heap_init(&teller->heap);
    chunk_pool_init(&teller->pool, allocator, 4);
    chunk_queue_init(&teller->queue, &teller->pool);
    hpack_decoder_init(&teller->decoder, allocator, 4096, &limits);
    hpack_block_init(&teller->block, allocator);
    hpack_encoder_init(&teller->our_encoder, allocator, 4096);
    hpack_decoder_init(&teller->our_decoder, allocator, 4096, &limits);
    hpack_block_init(&teller->our_block, allocator);
    teller->cut = cut;
    teller->seed = 1;
}

static void teller_fini(struct teller *teller)
{
    hpack_decoder_fini(&teller->decoder);
    hpack_block_fini(&teller->block);
    hpack_encoder_fini(&teller->our_encoder);
    hpack_decoder_fini(&teller->our_decoder);
    hpack_block_fini(&teller->our_block);
    chunk_queue_clear(&teller->queue);
    slab_fini(&teller->pool);
    assert_true(test_heap_is_clean(&teller->heap));
}

// A block with its fields as the story has them.
struct chapter {
    uint8_t bytes[STORY_BLOCK_MAX];
    size_t size;
    struct hpack_field fields[STORY_FIELDS_MAX];
    size_t count;
};

// unescape works in place.
static struct view unescape(char *text)
{
    char *out = text;
    size_t size = 0;
    for (const char *at = text; *at != '\0'; size++) {
        if (*at != '\\') {
            out[size] = *at++;
            continue;
        }
        uint8_t byte;
        assert_true(at[1] != '\0' && at[2] != '\0');
        const char hex[] = {at[1], at[2], '\0'};
        assert_int_equal(test_unhex(hex, &byte, 1), 1);
        out[size] = (char)byte;
        at += 3;
    }
    return view_of(text, size);
}

static void compare(const struct hpack_block *block,
                    const struct chapter *chapter)
{
    assert_int_equal(block->count, chapter->count);
    for (size_t i = 0; i < chapter->count; i++) {
        assert_true(view_equal(block->fields[i].name, chapter->fields[i].name));
        assert_true(
            view_equal(block->fields[i].value, chapter->fields[i].value));
    }
}

static void tell_back(struct teller *teller, const struct chapter *chapter,
                      struct totals *totals)
{
    static uint8_t bytes[STORY_BLOCK_MAX];
    assert_true(hpack_encode_begin(&teller->our_encoder, &teller->queue));
    for (size_t i = 0; i < chapter->count; i++) {
        assert_true(hpack_encode(&teller->our_encoder, &teller->queue,
                                 &chapter->fields[i], HPACK_INDEX, NULL));
    }
    size_t size = kit_take(&teller->queue, bytes, sizeof bytes);
    uint8_t *last = NULL;
    assert_int_equal(kit_decode(&teller->our_decoder, &teller->our_block,
                                view_of(bytes, size), kit_whole, &last),
                     HPACK_OK);
    compare(&teller->our_block, chapter);
    free(last);
    totals->written_bytes += size;
}

static void tell(struct teller *teller, struct chapter *chapter,
                 struct totals *totals)
{
    size_t cut = teller->cut;
    if (cut != kit_whole && cut != kit_bytewise) {
        cut = test_random(&teller->seed) % (chapter->size + 1);
    }
    uint8_t *last = NULL;
    assert_int_equal(kit_decode(&teller->decoder, &teller->block,
                                view_of(chapter->bytes, chapter->size), cut,
                                &last),
                     HPACK_OK);
    compare(&teller->block, chapter);
    free(last);
    tell_back(teller, chapter, totals);
    totals->blocks++;
    totals->fields += chapter->count;
    totals->read_bytes += chapter->size;
    for (size_t i = 0; i < chapter->count; i++) {
        totals->text_bytes +=
            chapter->fields[i].name.size + chapter->fields[i].value.size;
    }
}

static char *next_line(char **at)
{
    char *line = *at;
    if (*line == '\0') {
        return NULL;
    }
    size_t size = strcspn(line, "\n");
    *at = line + size + (line[size] == '\n');
    line[size] = '\0';
    return line;
}

static void tell_story(const char *path, size_t cut, struct totals *totals)
{
    static struct chapter chapter;
    struct teller teller;
    bool open = false;
    size_t text_size;
    char *text = test_read_file(path, &text_size);
    assert_non_null(text);
    teller_init(&teller, cut);
    char *at = text;
    for (char *line = next_line(&at);; line = next_line(&at)) {
        bool is_field = line != NULL && strncmp(line, "field ", 6) == 0;
        if (open && !is_field) {
            tell(&teller, &chapter, totals);
            open = false;
        }
        if (line == NULL) {
            break;
        }
        if (is_field) {
            assert_true(open);
            assert_true(chapter.count < STORY_FIELDS_MAX);
            char *value = strchr(line + 6, ' ');
            assert_non_null(value);
            *value++ = '\0';
            chapter.fields[chapter.count++] = (struct hpack_field){
                .name = unescape(line + 6), .value = unescape(value)};
        } else if (strncmp(line, "block ", 6) == 0) {
            chapter.size = test_unhex(line + 6, chapter.bytes, STORY_BLOCK_MAX);
            chapter.count = 0;
            open = true;
        } else if (strncmp(line, "limit ", 6) == 0) {
            uint32_t limit = (uint32_t)strtoul(line + 6, NULL, 10);
            hpack_decoder_limit(&teller.decoder, limit);
            hpack_decoder_limit(&teller.our_decoder, limit);
            hpack_encoder_limit(&teller.our_encoder, limit);
        } else {
            assert_true(*line == '#' || *line == '\0');
        }
    }
    teller_fini(&teller);
    free(text);
    totals->stories++;
}

static const char *stories_directory(void)
{
    const char *directory = getenv("HPACK_STORIES");
    return directory != NULL ? directory : "tests/vectors/hpack";
}

static void tell_all(size_t cut)
{
    const char *directory = stories_directory();
    struct totals totals = {0};
    DIR *folder = opendir(directory);
    assert_non_null(folder);
    for (const struct dirent *file = readdir(folder); file != NULL;
         file = readdir(folder)) {
        static const char suffix[] = ".story";
        size_t size = strlen(file->d_name);
        char path[1024];
        if (size < sizeof suffix ||
            strcmp(file->d_name + size - (sizeof suffix - 1), suffix) != 0) {
            continue;
        }
        int written =
            snprintf(path, sizeof path, "%s/%s", directory, file->d_name);
        assert_true(written > 0 && (size_t)written < sizeof path);
        tell_story(path, cut, &totals);
    }
    closedir(folder);
    assert_true(totals.stories > 0);
    assert_true(totals.fields > 0);
    printf("%lu stories of %s: %lu blocks, %lu fields, %lu bytes of text; "
           "%lu bytes on the wire, %lu when we encode them\n",
           totals.stories, directory, totals.blocks, totals.fields,
           totals.text_bytes, totals.read_bytes, totals.written_bytes);
}

static void test_stories__whole(void **state)
{
    (void)state;
    if (getenv("HPACK_STORIES") == NULL) {
        printf("HPACK_STORIES is not set: only the stories of our own\n");
    }
    tell_all(kit_whole);
}

static void test_stories__byte_by_byte(void **state)
{
    (void)state;
    tell_all(kit_bytewise);
}

static void test_stories__cut_in_two(void **state)
{
    (void)state;
    tell_all(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories__whole),
        cmocka_unit_test(test_stories__byte_by_byte),
        cmocka_unit_test(test_stories__cut_in_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
