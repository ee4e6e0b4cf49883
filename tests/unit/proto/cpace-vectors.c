/*
 * cpace-vectors FILE...: runs vectors of draft-irtf-cfrg-cpace against proto/cpace.h. A file is an
 * object with any of
 *
 *     calculate_generator   the generator's string, its hash and the encoded generator
 *     protocol              a whole run: shares, K, ISK_IR, ISK_SY, sid_output_ir, sid_output_oc
 *     points                one valid point with its product, and points to be refused
 *     strings               prepend_len, lv_cat, o_cat, transcript_ir, transcript_oc
 *
 * with the names and the hexadecimal values of the draft's own files; `source` is for people. A
 * name of `strings` is an expression, such as lv_cat(b'1234',b''), and is computed as it is
 * written. What the program does not need (the symmetric setting, sid_output) is put together here
 * from what it has. A value that nothing is computed for is skipped. Ends with "N passed, N failed,
 * N skipped"; status 1 where one failed or none passed.
 */
#include "proto/cpace.h"

#include <ctype.h>
#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 1024 /* of the longest string */
#define HASH crypto_hash_sha512_BYTES
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SUITE "CPACE-RISTR255-SHA512"

struct text {
    uint8_t data[ROOM];
    size_t length;
};

struct tally {
    unsigned passed;
    unsigned failed;
    unsigned skipped;
};

static struct tally tally;

static void judge(const char *name, const char *problem) {
    printf(problem == NULL ? "passed   %s\n" : "failed   %s: %s\n", name, problem);
    tally.passed += problem == NULL;
    tally.failed += problem != NULL;
}

static void skip(const char *name) {
    printf("skipped  %s\n", name);
    tally.skipped++;
}

/* The hexadecimal value of that name; false where there is none. */
static bool get(struct text *text, const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    const char *digits = json_string_value(value);
    const char *end = NULL;
    size_t length = json_string_length(value);
    return digits != NULL &&
           sodium_hex2bin(text->data, ROOM, digits, length, NULL, &text->length, &end) == 0 &&
           end == digits + length;
}

static void expect(const json_t *object, const char *name, const void *data, size_t length) {
    struct text said;
    if (!get(&said, object, name)) {
        judge(name, "it is missing or not hexadecimal");
        return;
    }
    bool same = said.length == length && memcmp(said.data, data, length) == 0;
    judge(name, same ? NULL : "it differs");
}

static void expect_number(const json_t *object, const char *name, json_int_t value) {
    const json_t *said = json_object_get(object, name);
    judge(name, json_is_integer(said) && json_integer_value(said) == value ? NULL : "it differs");
}

static struct cpace_string as_string(const struct text *text) {
    return (struct cpace_string){text->data, text->length};
}

static void append(struct text *text, const void *data, size_t length) {
    if (length <= ROOM - text->length) {
        memcpy(text->data + text->length, data, length);
        text->length += length;
    }
}

static void append_lv(struct text *text, const struct cpace_string *strings, size_t count) {
    size_t length = cpace_lv_cat(NULL, strings, count);
    if (length <= ROOM - text->length) {
        text->length += cpace_lv_cat(text->data + text->length, strings, count);
    }
}

/* o_cat: "oc", and the one that is greater in the order of bytes first. */
static void append_ordered(struct text *out, const struct text *a, const struct text *b) {
    size_t common = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->data, b->data, common);
    bool first = order > 0 || (order == 0 && a->length > b->length);
    append(out, "oc", 2);
    append(out, first ? a->data : b->data, first ? a->length : b->length);
    append(out, first ? b->data : a->data, first ? b->length : a->length);
}

/* transcript_ir or transcript_oc of Ya, ADa, Yb, ADb. */
static void append_transcript(struct text *out, const struct cpace_string sides[4], bool ordered) {
    struct text a = {0};
    struct text b = {0};
    append_lv(&a, sides, 2);
    append_lv(&b, sides + 2, 2);
    if (ordered) {
        append_ordered(out, &a, &b);
    } else {
        append(out, a.data, a.length);
        append(out, b.data, b.length);
    }
}

/* A scalar as the draft samples them: 252 bits at most. */
static bool get_scalar(struct text *scalar, const json_t *object, const char *name) {
    return get(scalar, object, name) && scalar->length == CPACE_SCALAR &&
           scalar->data[CPACE_SCALAR - 1] < 0x10;
}

/* What the names of an object are that was gone through in full: others are skipped by name. */
static void skip_others(const json_t *object, const char *const *known, size_t count) {
    for (void *at = json_object_iter((json_t *)object); at != NULL;
         at = json_object_iter_next((json_t *)object, at)) {
        bool found = false;
        for (size_t i = 0; i < count; i++) {
            found = found || strcmp(json_object_iter_key(at), known[i]) == 0;
        }
        if (!found) {
            skip(json_object_iter_key(at));
        }
    }
}

struct inputs {
    struct text prs;
    struct text ci;
    struct text sid;
    struct cpace_inputs cpace;
};

static bool get_inputs(struct inputs *inputs, const json_t *object) {
    bool complete = get(&inputs->prs, object, "PRS") && get(&inputs->ci, object, "CI") &&
                    get(&inputs->sid, object, "sid");
    inputs->cpace = (struct cpace_inputs){as_string(&inputs->prs), as_string(&inputs->ci),
                                          as_string(&inputs->sid)};
    return complete;
}

static void run_generator(const json_t *object) {
    static const char string_name[] = "generator_string(G.DSI,PRS,CI,sid,H.s_in_bytes)";
    static const char *const names[] = {
        "H",  "H.s_in_bytes", "PRS",       "ZPAD length", "DSI",
        "CI", "sid",          string_name, "hash result", "encoded generator g"};
    struct inputs inputs;
    struct text string = {0};
    uint8_t hash[HASH];
    uint8_t g[CPACE_POINT];
    if (!get_inputs(&inputs, object) || cpace_generator_string(NULL, &inputs.cpace) > ROOM) {
        judge("calculate_generator", "inputs are missing or too long");
        return;
    }
    string.length = cpace_generator_string(string.data, &inputs.cpace);
    expect(object, string_name, string.data, string.length);
    crypto_hash_sha512(hash, string.data, string.length);
    expect(object, "hash result", hash, sizeof hash);
    if (cpace_generator(g, &inputs.cpace) != 0) {
        judge("encoded generator g", "out of memory");
        return;
    }
    expect(object, "encoded generator g", g, sizeof g);
    /* The string tells them: lengths of one byte each stand before DSI, PRS and the padding. */
    size_t dsi = string.data[0];
    expect(object, "DSI", string.data + 1, dsi);
    expect_number(object, "ZPAD length", string.data[1 + dsi + 1 + inputs.prs.length]);
    expect_number(object, "H.s_in_bytes", 128);
    const char *h = json_string_value(json_object_get(object, "H"));
    judge("H", h != NULL && strcmp(h, "SHA-512") == 0 ? NULL : "it is another");
    skip_others(object, names, COUNT(names));
}

struct run {
    struct inputs inputs;
    struct text scalar[2]; /* of A, of B */
    struct text ad[2];
    uint8_t g[CPACE_POINT];
    uint8_t share[2][CPACE_POINT];
};

static void sides_of(struct cpace_string sides[4], const struct run *run) {
    for (unsigned i = 0; i < 2; i++) {
        sides[2 * i] = (struct cpace_string){run->share[i], CPACE_POINT};
        sides[2 * i + 1] = as_string(&run->ad[i]);
    }
}

/* ISK_SY: the same as ISK_IR over another transcript. */
static void run_symmetric(const json_t *object, const struct run *run,
                          const uint8_t k[CPACE_POINT]) {
    static const char label[] = "CPaceRistretto255_ISK";
    struct cpace_string sides[4];
    const struct cpace_string first[] = {
        {label, sizeof label - 1}, as_string(&run->inputs.sid), {k, CPACE_POINT}};
    struct text text = {0};
    uint8_t isk[HASH];
    sides_of(sides, run);
    append_lv(&text, first, COUNT(first));
    append_transcript(&text, sides, true);
    crypto_hash_sha512(isk, text.data, text.length);
    expect(object, "ISK_SY", isk, sizeof isk);
}

static void run_sid_output(const json_t *object, const struct run *run) {
    static const char *const names[] = {"sid_output_ir", "sid_output_oc"};
    struct cpace_string sides[4];
    uint8_t hash[HASH];
    sides_of(sides, run);
    for (unsigned i = 0; i < 2; i++) {
        struct text text = {0};
        append(&text, "CPaceSidOutput", 14);
        append_transcript(&text, sides, i == 1);
        crypto_hash_sha512(hash, text.data, text.length);
        expect(object, names[i], hash, sizeof hash);
    }
}

/* K and ISK of one side, which took the other's share. */
static void run_side(const json_t *object, const struct run *run, unsigned side) {
    const struct cpace_transcript transcript = {run->share[0], as_string(&run->ad[0]),
                                                run->share[1], as_string(&run->ad[1])};
    const uint8_t *peer = run->share[1 - side];
    uint8_t k[CPACE_POINT];
    uint8_t isk[CPACE_ISK];
    if (cpace_scalar_mult_vfy(k, run->scalar[side].data, peer) != 0 ||
        cpace_isk(isk, run->scalar[side].data, peer, as_string(&run->inputs.sid), &transcript) !=
            0) {
        judge("ISK_IR", "the peer's share is refused");
        return;
    }
    expect(object, "K", k, sizeof k);
    expect(object, "ISK_IR", isk, sizeof isk);
    if (side == 0) {
        run_symmetric(object, run, k);
    }
}

static void run_protocol(const json_t *object) {
    static const char *const names[] = {
        "PRS",          "CI",  "sid", "g", "ya",     "yb",     "Ya",
        "Yb",           "ADa", "ADb", "K", "ISK_IR", "ISK_SY", "sid_output_ir",
        "sid_output_oc"};
    struct run run;
    if (!get_inputs(&run.inputs, object) || !get_scalar(&run.scalar[0], object, "ya") ||
        !get_scalar(&run.scalar[1], object, "yb") || !get(&run.ad[0], object, "ADa") ||
        !get(&run.ad[1], object, "ADb") || cpace_generator(run.g, &run.inputs.cpace) != 0 ||
        cpace_share(run.share[0], run.scalar[0].data, run.g) != 0 ||
        cpace_share(run.share[1], run.scalar[1].data, run.g) != 0) {
        judge("protocol", "inputs are missing or make no shares");
        return;
    }
    expect(object, "g", run.g, sizeof run.g);
    expect(object, "Ya", run.share[0], CPACE_POINT);
    expect(object, "Yb", run.share[1], CPACE_POINT);
    run_side(object, &run, 0);
    run_side(object, &run, 1);
    run_sid_output(object, &run);
    skip_others(object, names, COUNT(names));
}

static void run_valid(const json_t *object) {
    static const char *const names[] = {"G.scalar_mult(s,decode(X))", "G.scalar_mult_vfy(s,X)"};
    struct text s;
    struct text x;
    uint8_t product[CPACE_POINT];
    for (size_t i = 0; i < COUNT(names); i++) {
        if (!get_scalar(&s, object, "s") || !get(&x, object, "X") || x.length != CPACE_POINT ||
            (i == 0 ? cpace_share(product, s.data, x.data)
                    : cpace_scalar_mult_vfy(product, s.data, x.data)) != 0) {
            judge(names[i], "a valid point is refused");
        } else {
            expect(object, names[i], product, sizeof product);
        }
    }
}

/* A share that must end the run: alone, and as the peer's. */
static void run_invalid(const json_t *points, const char *name) {
    static const uint8_t scalar[CPACE_SCALAR] = {8};
    struct text y;
    uint8_t product[CPACE_POINT];
    uint8_t isk[CPACE_ISK];
    if (!get(&y, points, name) || y.length != CPACE_POINT) {
        judge(name, "it is missing or not hexadecimal");
        return;
    }
    const struct cpace_transcript transcript = {.ya = y.data, .yb = y.data};
    bool refused =
        cpace_scalar_mult_vfy(product, scalar, y.data) == CPACE_REFUSED &&
        cpace_isk(isk, scalar, y.data, (struct cpace_string){"", 0}, &transcript) == CPACE_REFUSED;
    judge(name, refused ? NULL : "it is not refused");
}

static void run_points(const json_t *points) {
    for (void *at = json_object_iter((json_t *)points); at != NULL;
         at = json_object_iter_next((json_t *)points, at)) {
        const char *name = json_object_iter_key(at);
        if (strcmp(name, "Valid") == 0) {
            run_valid(json_object_get(points, name));
        } else if (strncmp(name, "Invalid ", 8) == 0) {
            run_invalid(points, name);
        } else {
            skip(name);
        }
    }
}

/* Reads one literal of an expression: b'TEXT' or bytes(range(N)). NULL, or what follows it. */
static const char *read_literal(struct text *out, const char *at) {
    char *end = NULL;
    out->length = 0;
    if (strncmp(at, "b'", 2) == 0) {
        size_t length = strcspn(at + 2, "'");
        append(out, at + 2, length);
        return at[2 + length] == '\'' ? at + 3 + length : NULL;
    }
    if (strncmp(at, "bytes(range(", 12) != 0) {
        return NULL;
    }
    unsigned long count = strtoul(at + 12, &end, 10);
    for (unsigned long i = 0; i < count && i < 256; i++) {
        append(out, &(uint8_t){(uint8_t)i}, 1);
    }
    return strncmp(end, "))", 2) == 0 ? end + 2 : NULL;
}

/* Literals up to the end of the name, separated by ',' and closed by ')' where `closed`. Returns
 * how many; 0 where it reads otherwise. */
static size_t read_literals(struct text out[4], const char *at, bool closed) {
    size_t count = 0;
    while (at != NULL && count < 4) {
        at = read_literal(&out[count++], at);
        if (at != NULL && *at == ',') {
            at++;
        } else {
            break;
        }
    }
    return at != NULL && strcmp(at, closed ? ")" : "") == 0 ? count : 0;
}

static bool compute(struct text *out, const char *function, struct text arguments[4],
                    size_t count) {
    struct cpace_string strings[4];
    bool ordered = strcmp(function, "transcript_oc") == 0;
    for (size_t i = 0; i < count; i++) {
        strings[i] = as_string(&arguments[i]);
    }
    if (strcmp(function, "lv_cat") == 0 || (strcmp(function, "prepend_len") == 0 && count == 1)) {
        append_lv(out, strings, count);
    } else if (strcmp(function, "o_cat") == 0 && count == 2) {
        append_ordered(out, &arguments[0], &arguments[1]);
    } else if ((ordered || strcmp(function, "transcript_ir") == 0) && count == 4) {
        append_transcript(out, strings, ordered);
    } else {
        return false;
    }
    return true;
}

/* One name of a function's vectors: a literal that stands for itself, or a call. */
static void run_string(const json_t *object, const char *function, const char *name) {
    struct text arguments[4];
    struct text out = {0};
    size_t prefix = strlen(function);
    bool call = strncmp(name, function, prefix) == 0 && name[prefix] == '(';
    size_t count = read_literals(arguments, call ? name + prefix + 1 : name, call);
    if (!call && count == 1) {
        expect(object, name, arguments[0].data, arguments[0].length);
    } else if (call && count > 0 && compute(&out, function, arguments, count)) {
        expect(object, name, out.data, out.length);
    } else {
        skip(name);
    }
}

static void run_strings(const json_t *strings) {
    for (void *at = json_object_iter((json_t *)strings); at != NULL;
         at = json_object_iter_next((json_t *)strings, at)) {
        const json_t *object = json_object_iter_value(at);
        for (void *inner = json_object_iter((json_t *)object); inner != NULL;
             inner = json_object_iter_next((json_t *)object, inner)) {
            run_string(object, json_object_iter_key(at), json_object_iter_key(inner));
        }
    }
}

static void run_part(const char *name, const json_t *part) {
    static const struct {
        const char *name;
        void (*run)(const json_t *part);
    } parts[] = {
        {"calculate_generator", run_generator},
        {"protocol", run_protocol},
        {"points", run_points},
        {"strings", run_strings},
    };
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (strcmp(name, parts[i].name) == 0) {
            parts[i].run(part);
            return;
        }
    }
    if (strcmp(name, "source") != 0) {
        skip(name);
    }
}

static void run_file(const char *path) {
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    const char *suite =
        json_string_value(json_object_get(json_object_get(root, "source"), "suite"));
    if (!json_is_object(root)) {
        fprintf(stderr, "cpace-vectors: %s: %s\n", path, root == NULL ? error.text : "no object");
        tally.failed++;
    } else if (suite != NULL && strcmp(suite, SUITE) != 0) {
        skip(suite);
    } else {
        for (void *at = json_object_iter(root); at != NULL; at = json_object_iter_next(root, at)) {
            run_part(json_object_iter_key(at), json_object_iter_value(at));
        }
    }
    json_decref(root);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: cpace-vectors FILE...\n");
        return 2;
    }
    if (sodium_init() < 0) {
        fprintf(stderr, "cpace-vectors: libsodium cannot start\n");
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        run_file(argv[i]);
    }
    printf("%u passed, %u failed, %u skipped\n", tally.passed, tally.failed, tally.skipped);
    return tally.failed > 0 || tally.passed == 0;
}
