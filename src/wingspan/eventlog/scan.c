/* The scanner of classic job event logs: bytes in, columns out. No Python in it; called through ctypes.
 *
 * A record is   NNN (cluster.proc.subproc) STAMP text \n  body lines \n  ...\n
 * It ends at a line that is exactly "...", or is torn where the header of another record begins. Two places are
 * looked for at once, many bytes at a time: a newline followed by '.', and " (" behind a digit (within a header).
 * Format: HTCondor's src/condor_utils/condor_event.cpp (formatHeader, readHeader, and each event's readEvent).
 */
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

typedef const unsigned char *text;

enum { NO_YEAR = 1, HAS_ZONE = 2 };                      /* stamp */
enum { NO_HEADER = 1, TORN = 2, BAD_BODY = 3 };          /* why a stretch is damaged */
enum { ABSENT = INT32_MIN };

/* Behind the data are zeros (kernel.SPARE). No text that is looked for holds one, and none goes on behind the newline
 * that ends a body: so the readers below need not ask where the end is. */

typedef struct {
    int64_t rows, room, damages, damage_room, consumed, foreign;
    double *time;                                        /* seconds as written, UTC where HAS_ZONE */
    int64_t *offset, *value;
    int32_t *length, *cluster, *proc, *detail;
    int16_t *subproc, *code;
    uint8_t *stamp;
    int64_t *damage_offset, *damage_length;
    uint8_t *damage_why;
} Columns;

typedef struct {
    int code, stamp, date_rest;
    int32_t cluster, proc, subproc;
    double time;
    text body;                                           /* after the stamp and its space */
    uint64_t date;                                       /* the last one seen, less its last two bytes: most repeat */
    int64_t day;
} Header;

typedef struct { int64_t value; int32_t detail; } Numbers;

/* ---- small readers: each moves *p past what it took, and returns 0 when it is not there ---- */

static int digit(unsigned char c) { return (unsigned)c - '0' < 10; }

INLINE int take(text *p, unsigned char c) {
    if (**p != c) return 0;
    ++*p;
    return 1;
}

/* Eight bytes as a number, the first one lowest. */
static inline uint64_t eight(text p) {
    uint64_t lanes;
    memcpy(&lanes, p, 8);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    lanes = __builtin_bswap64(lanes);
#endif
    return lanes;
}

/* The high bit of each byte above 9, right up to the first of them. */
static inline uint64_t above_nine(uint64_t lanes) {
    return ((lanes + 0x7676767676767676) | lanes) & 0x8080808080808080;
}

/* Eight bytes at a time, the last ones twice: shorter than a call where n is known. */
INLINE int same(text a, const void *with, size_t n) {
    text b = with;
    uint64_t x, y, other = 0;
    if (n < 8) {
        for (size_t i = 0; i < n; ++i) if (a[i] != b[i]) return 0;
        return 1;
    }
    for (size_t i = 0; i < n; i += 8) {
        size_t at = i < n - 8 ? i : n - 8;
        memcpy(&x, a + at, 8), memcpy(&y, b + at, 8);
        other |= x ^ y;
    }
    return !other;
}

INLINE int take_text(text *p, const char *literal) {
    if (!same(*p, literal, strlen(literal))) return 0;
    *p += strlen(literal);
    return 1;
}

/* A number's digits, the last one in the highest byte, zeros before the first. */
INLINE uint64_t number(uint64_t lanes) {
    lanes = lanes * 10 + (lanes >> 8);                   /* pairs, in every other byte */
    uint64_t high = (lanes & 0x000000FF000000FF) * 0x000F424000000064;
    return (high + (lanes >> 16 & 0x000000FF000000FF) * 0x0000271000000001) >> 32;
}

INLINE int take_integer(text *p, int64_t *out) {
    int negative = **p == '-';
    text q = *p + negative;
    uint64_t lanes = eight(q) ^ 0x3030303030303030, stop = above_nine(lanes);
    if (stop & 0x80) return 0;
    int bits = stop ? __builtin_ctzll(stop) - 7 : 64;    /* of up to eight digits: without a loop */
    uint64_t n = number(lanes << (64 - bits));
    q += bits >> 3;
    if (!stop) {
        for (; digit(*q); ++q) n = n * 10 + (*q - '0');
        if (q - *p - negative > 18) return 0;
    }
    *out = negative ? -(int64_t)n : (int64_t)n;
    *p = q;
    return 1;
}

INLINE int take_int(text *p, int64_t low, int64_t high, int32_t *out) {
    int64_t n;
    if (!take_integer(p, &n) || n < low || n > high) return 0;
    *out = (int32_t)n;
    return 1;
}

/* Three digits of eight, from byte `at` on. */
INLINE int three(uint64_t lanes, int at) {
    return (int)((lanes >> 8 * at & 255) * 100 + (lanes >> (8 * at + 8) & 255) * 10 + (lanes >> (8 * at + 16) & 255));
}

static int take_digits(text *p, int count, int *out) {
    int n = 0;
    for (int i = 0; i < count; ++i) {
        if (!digit((*p)[i])) return 0;
        n = n * 10 + ((*p)[i] - '0');
    }
    *p += count;
    *out = n;
    return 1;
}

INLINE void skip_blanks(text *p) { while (**p == ' ' || **p == '\t') ++*p; }

/* Move to the start of the next line of the record; 0 when there is none. */
static int next_line(text *p, text end) {
    text newline = *p < end ? memchr(*p, '\n', end - *p) : NULL;
    *p = newline ? newline + 1 : end;
    return *p < end;
}

/* The same, and past its indentation. */
static int next_words(text *p, text end) {
    if (!next_line(p, end)) return 0;
    skip_blanks(p);
    return 1;
}

/* ---- the header ---- */

static int64_t days_of(int year, int month, int day) {   /* days since 1970-01-01, proleptic Gregorian */
    int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int new_date(text p, int size, Header *h) {
    int year = 1972, month, day;                         /* a leap year, so that 02/29 is a day */
    if (size == 10 && (!take_digits(&p, 4, &year) || !take(&p, '-'))) return 0;
    if (!take_digits(&p, 2, &month) || !take(&p, size == 5 ? '/' : '-')) return 0;
    if (!take_digits(&p, 2, &day) || month < 1 || month > 12 || day < 1 || day > 31) return 0;
    h->day = days_of(year, month, 1) + day - 1;          /* 02/30 is 03/01 or 03/02, as mktime has it */
    return 1;
}

/* "MM/DD " or "YYYY-MM-DD " or "YYYY-MM-DDT": the day since 1970 goes to h->day. */
INLINE int take_date(text *p, Header *h) {
    text from = *p;
    int size = from[2] == '/' ? 5 : 10, rest = size == 5 ? 0 : from[8] << 8 | from[9];
    uint64_t date = size == 5 ? eight(from) & 0xFFFFFFFFFF : eight(from);
    *p += size + 1;
    if (from[size] != ' ' && (from[size] != 'T' || size == 5)) return 0;
    h->stamp = size == 5 ? NO_YEAR : 0;
    if (date == h->date && rest == h->date_rest) return 1;
    h->date_rest = -1;                                   /* none */
    if (!new_date(from, size, h)) return 0;
    h->date = date;
    h->date_rest = rest;
    return 1;
}

static int take_zone(text *p, Header *h) {
    int sign = 1, hours, minutes;
    if (take(p, 'Z')) { h->stamp |= HAS_ZONE; return 1; }
    if (take(p, '-')) sign = -1; else if (!take(p, '+')) return 1;
    if (!take_digits(p, 2, &hours)) return 0;
    take(p, ':');
    if (!take_digits(p, 2, &minutes)) return 0;
    h->stamp |= HAS_ZONE;
    h->time -= sign * (hours * 3600 + minutes * 60);
    return 1;
}

/* "HH:MM:SS" */
INLINE int take_clock(text *p, int *seconds) {
    uint64_t lanes = eight(*p) ^ 0x30303A30303A3030;     /* digits are 0 to 9, colons 0 */
    if (above_nine(lanes) | (lanes & 0x0000FF0000FF0000)) return 0;
    lanes = lanes * 10 + (lanes >> 8);
    int hour = lanes & 255, minute = lanes >> 24 & 255, second = lanes >> 48 & 255;
    *p += 8;
    *seconds = hour * 3600 + minute * 60 + second;
    return hour <= 24 && minute <= 59 && second <= 61;
}

INLINE int take_stamp(text *p, Header *h) {
    int seconds;
    if (!take_date(p, h) || !take_clock(p, &seconds)) return 0;
    h->time = (double)(h->day * 86400 + seconds);
    if (**p == ' ') return 1;
    if (take(p, '.')) {
        int64_t fraction = 0, scale = 1;
        for (; digit(**p) && scale < 1000000000; ++*p, scale *= 10) fraction = fraction * 10 + (**p - '0');
        if (scale == 1) return 0;
        h->time += (double)fraction / (double)scale;
    }
    return take_zone(p, h);
}

/* "NNN (" */
INLINE int take_code(text *p, int *code) {
    uint64_t lanes = (eight(*p) ^ 0x2820303030) & 0xFFFFFFFFFF;
    if (above_nine(lanes) | (lanes & 0xFFFF000000)) return 0;
    *code = three(lanes, 0);
    *p += 5;
    return 1;
}

/* ".PROC.SUBPROC)" */
INLINE int take_procs(text *p, Header *h) {
    uint64_t lanes = eight(*p) ^ 0x3030302E3030302E;
    if (!(above_nine(lanes) | (lanes & 0xFF000000FF)) && (*p)[8] == ')') {  /* three digits each, as is usual */
        h->proc = three(lanes, 1);
        h->subproc = three(lanes, 5);
        *p += 9;
        return 1;
    }
    if (!take(p, '.') || !take_int(p, INT32_MIN, INT32_MAX, &h->proc)) return 0;
    return take(p, '.') && take_int(p, INT16_MIN, INT16_MAX, &h->subproc) && take(p, ')');
}

INLINE int take_header(text p, text end, Header *h) {
    if (!take_code(&p, &h->code)) return 0;
    if (!take_int(&p, INT32_MIN, INT32_MAX, &h->cluster) || !take_procs(&p, h)) return 0;
    if (!take(&p, ' ') || !take_stamp(&p, h)) return 0;
    if (*p != ' ' && *p != '\n' && *p != '\r' && p != end) return 0;
    take(&p, ' ');
    h->body = p;
    return 1;
}

/* ---- the bodies: enough of each to know that it is whole, and its codes ---- */

/* "Code N Subcode M" */
static int take_codes(text p, Numbers *out) {
    int32_t code, subcode;
    if (!take_text(&p, "Code ") || !take_int(&p, INT32_MIN + 1, INT32_MAX, &code)) return 0;
    if (!take_text(&p, " Subcode ") || !take_int(&p, INT32_MIN + 1, INT32_MAX, &subcode)) return 0;
    out->value = code;
    out->detail = subcode;
    return 1;
}

static int find_codes(text p, text end, Numbers *out) {
    out->value = out->detail = 0;
    while (next_words(&p, end)) if (take_codes(p, out)) break;
    return 1;
}

/* "Usr D HH:MM:SS, Sys D HH:MM:SS" on the next line */
static int usage_line(text *p, text end) {
    static const unsigned char low[32] = "Usr 0 00:00:00, Sys 0 00:00:00";
    static const unsigned char span[32] = {
        0, 0, 0, 0, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9, 0, 0, 0, 0, 0, 0, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9, 255, 255};
    unsigned char other = 0;
    int64_t n;
    if (!next_words(p, end)) return 0;
    text q = *p;
    for (int i = 0; i < 32; ++i) other |= (unsigned char)(q[i] - low[i]) > span[i];
    for (int i = 0; other && i < 2; ++i) {               /* some number has more digits */
        if (!take_text(&q, i ? ", Sys " : "Usr ")) return 0;
        if (!take_integer(&q, &n) || !take(&q, ' ') || !take_integer(&q, &n)) return 0;
        if (!take(&q, ':') || !take_integer(&q, &n)) return 0;
        if (!take(&q, ':') || !take_integer(&q, &n)) return 0;
    }
    return 1;
}

/* "(1) Normal termination (return value N)" or "(0) Abnormal termination (signal N)" on the next line */
static int termination_line(text *p, text end, Numbers *out) {
    if (!next_words(p, end)) return 0;
    text q = *p;
    int normal = take_text(&q, "(1) Normal termination (return value ");
    if (!normal && !take_text(&q, "(0) Abnormal termination (signal ")) return 0;
    out->detail = !normal;
    return take_integer(&q, &out->value);
}

static int terminated(text p, text end, Numbers *out) {
    if (!termination_line(&p, end, out)) return 0;
    if (out->detail) {
        if (!next_words(&p, end)) return 0;
        text q = p;
        if (!take_text(&q, "(0)") && !take_text(&q, "(1) Corefile in: ")) return 0;
    }
    return usage_line(&p, end) && usage_line(&p, end) && usage_line(&p, end) && usage_line(&p, end);
}

static int evicted(text p, text end, Numbers *out) {
    int64_t n;
    out->value = out->detail = 0;
    skip_blanks(&p);
    take_codes(p, out);                                  /* on the banner's own line, in new logs */
    if (!next_words(&p, end)) return 0;
    if (!take(&p, '(') || !take_integer(&p, &n) || !take(&p, ')')) return 0;
    return usage_line(&p, end) && usage_line(&p, end);
}

static int image_size(text p, text end, Numbers *out) {
    int64_t n;
    if (!take_integer(&p, &out->value)) return 0;
    while (next_words(&p, end)) {
        if (!take_integer(&p, &n) || !take_text(&p, "  -  ")) break;
        if (take_text(&p, "MemoryUsage") && n > INT32_MIN && n <= INT32_MAX) out->detail = (int32_t)n;
    }
    return 1;
}

typedef struct { text from, to; } Span;

/* What names a machine in <IP:PORT?...&alias=HOST&...>, which ends before `line`: HOST, or IP when there is none. */
static Span machine(text p, text line) {
    text from = p + (p < line && *p == '<'), alias = NULL;
    for (text q = from; (q = memchr(q, 'a', line - q)) && line - q > 6; ++q)
        if (same(q, "alias=", 6) && q > from && (q[-1] == '&' || q[-1] == '?')) { alias = q + 6; break; }
    text q = alias ? alias : from;
    Span found = {q, q};
    int bracket = 0;
    for (; q < line && *q != '>' && *q != '\n' && *q != '\r' && *q != '&' && *q != '?'; ++q) {
        bracket |= *q == '[';
        if (*q == ']') bracket = 0;
        if (*q == ':' && !bracket && !alias) break;
    }
    found.to = q;
    return found;
}

/* FNV-1a of a text, after what was hashed before it. */
static uint64_t hashed(uint64_t hash, Span part) {
    for (text q = part.from; q < part.to; ++q) hash = (hash ^ *q) * 1099511628211ULL;
    return hash;
}

static const uint64_t NOTHING = 14695981039346656037ULL; /* FNV-1a of no text */

/* Who submitted: a number for the access point. */
static int submitted(text p, text end, Numbers *out) {
    text line = p;
    next_line(&line, end);
    out->value = (int64_t)(hashed(NOTHING, machine(p, line)) >> 1);
    return 1;
}

/* What names the host in the line [line, after) "\tSlotName: slotN@HOST": "@HOST", or nothing when there is none. */
static Span slot_host(text line, text after) {
    text stop = after, q;
    while (stop > line && (stop[-1] == '\n' || stop[-1] == '\r')) --stop;
    for (q = stop; q > line && q[-1] != '@'; --q) ;
    int none = q == line || q == stop || *q <= ' ' || *q == '"';
    return (Span){none ? stop : q - 1, stop};
}

/* Where a job starts: a number for what the record says of host and site. Records with one number name the same. */
static int executing(text p, text end, Numbers *out) {
    text line = p, after;
    int more = next_line(&line, end), named = 0;
    Span address = machine(p, line);
    uint64_t hash = NOTHING;
    if (more && same(line, "\tSlotName:", 10)) {
        after = line;
        more = next_line(&after, end);
        Span host = slot_host(line, after);
        named = host.from < host.to;
        hash = hashed(hash, named ? host : (Span){line, after});
        line = after;
    }
    if (!named) hash = hashed(hash, address);
    for (; more; line = after) {
        text name = line;
        after = line;
        more = next_line(&after, end);
        skip_blanks(&name);
        take_text(&name, "GLIDEIN_");
        if (same(name, "Site", 4) || same(name, "ResourceName", 12) || same(name, "PelicanSite", 11))
            hash = hashed(hash, (Span){line, after});
    }
    out->value = (int64_t)(hash >> 1);
    return 1;
}

static int transferred(text p, Numbers *out) {
    int step = take_text(&p, "Entered queue to transfer ") ? 1 : take_text(&p, "Started transferring ") ? 2
             : take_text(&p, "Finished transferring ") ? 3 : 0;
    int output = !take_text(&p, "input files");
    if (!step || (output && !take_text(&p, "output files")) || (*p != '\n' && *p != '\r')) return 0;
    out->value = step + 3 * output;
    return 1;
}

static int indented_lines(text p, text end, const char *first, const char *second) {
    if (!next_line(&p, end) || !same(p, first, strlen(first))) return 0;
    return !*second || (next_line(&p, end) && same(p, second, strlen(second)));
}

static int remote_error(text p, text end, Numbers *out) {
    text line = p;
    int found = 0;
    next_line(&line, end);
    for (text q = p; q + 6 <= line && !found; ++q) found = !memcmp(q, " from ", 6);
    return found && find_codes(p, end, out);
}

/* 1 when the body [p, end) is whole; its numbers go to `out`. `brief`: 1 when it begins as its event does, and only
 * that event. */
INLINE int take_body(int code, text p, text end, Numbers *out, int brief) {
    #define IS(literal) take_text(&p, literal)
    int64_t n;
    switch (code) {
    case 0: return IS("Job submitted from host: ") && (brief || submitted(p, end, out));
    case 1: return IS("Job executing on host: ") && (brief || executing(p, end, out));
    case 2: return !brief && IS("(") && take_integer(&p, &n) && take(&p, ')');
    case 3: return IS("Job was checkpointed.") && (brief || (usage_line(&p, end) && usage_line(&p, end)));
    case 4: return IS("Job was evicted.") && (brief || evicted(p, end, out));
    case 5: return IS("Job terminated.") && (brief || terminated(p, end, out));
    case 6: return IS("Image size of job updated: ") && (brief || image_size(p, end, out));
    case 7: return IS("Shadow exception!");
    case 9: return IS("Job was aborted");
    case 10: return IS("Job was suspended.") && 
                    (brief || (next_words(&p, end) && IS("Number of processes actually suspended: ") &&
                               take_int(&p, INT32_MIN, INT32_MAX, &(int32_t){0})));
    case 11: return IS("Job was unsuspended.");
    case 12: return IS("Job was held.") && (brief || find_codes(p, end, out));
    case 13: return IS("Job was released.");
    case 14: return IS("Node ") && (brief || (take_integer(&p, &n) && IS(" executing on host: ")));
    case 15: return IS("Node ") && (brief || (take_integer(&p, &n) && IS(" terminated.") && terminated(p, end, out)));
    case 16: return IS("POST Script terminated.") && (brief || termination_line(&p, end, out));
    case 21: return !brief && remote_error(p, end, out);
    case 22: return !brief && indented_lines(p, end, "    ", "    Trying to reconnect to ");
    case 23: return IS("Job reconnected to ") &&
                    (brief || indented_lines(p, end, "    startd address: ", "    starter address: "));
    case 24: return !brief && indented_lines(p, end, "    ", "    Can not reconnect to ");
    case 25: return IS("Grid Resource Back Up") && (brief || indented_lines(p, end, "    GridResource: ", ""));
    case 26: return IS("Detected Down Grid Resource") && (brief || indented_lines(p, end, "    GridResource: ", ""));
    case 27: return IS("Job submitted to grid resource") &&
                    (brief || indented_lines(p, end, "    GridResource: ", "    GridJobId: "));
    case 28: return IS("Job ad information event triggered.") && (brief || next_line(&p, end));  /* one attribute */
    case 29: return IS("The job's remote status is unknown");
    case 30: return IS("The job's remote status is known again");
    case 31: return IS("Job is performing stage-in of input files");
    case 32: return IS("Job is performing stage-out of output files");
    case 35: return IS("Cluster submitted from host: ") && (brief || submitted(p, end, out));
    case 40: return transferred(p, out);
    case 47: return IS("Common files event: ");
    default: return !brief;                              /* free text, or an event of a newer HTCondor */
    }
    #undef IS
}

/* ---- finding the ends of records ---- */

enum { WINDOW = 1 << 14 };                               /* half of a core's innermost cache */

/* The marks of data[from, upto), in order: each newline before a '.', and each space between a digit and a '('.
 * They are all found before the first is used: a loop that stops nowhere is never mispredicted. */
typedef struct Marks {
    text from, upto, end;
    int count, next;
    void (*find)(struct Marks *);
    uint16_t at[WINDOW / 2 + 64];                        /* behind `from`; marks are two bytes apart at least */
} Marks;

static int is_mark(text p) {                             /* p[-1], p[0], p[1] are readable */
    return (p[0] == '\n' && p[1] == '.') || (p[0] == ' ' && p[1] == '(' && digit(p[-1]));
}

static void find_marks(Marks *marks) {
    typedef unsigned char lanes __attribute__((vector_size(16)));
    for (text p = marks->from; p < marks->upto; p += 16) {
        lanes before, here, after;
        memcpy(&before, p - 1, 16), memcpy(&here, p, 16), memcpy(&after, p + 1, 16);
        lanes id = (lanes)(here == ' ') & (lanes)(after == '(') & (lanes)(before - '0' < 10);
        lanes hits = ((lanes)(here == '\n') & (lanes)(after == '.')) | id;
        uint64_t any[2];
        memcpy(any, &hits, 16);
        if (any[0] | any[1])
            for (text q = p; q < p + 16; ++q) if (is_mark(q)) marks->at[marks->count++] = (uint16_t)(q - marks->from);
    }
}

#if defined(__x86_64__)
/* The same, 64 bytes at a time, for machines that have AVX2. */
__attribute__((target("avx2"))) static inline uint32_t marks_of_32(text p) {
    __m256i before = _mm256_loadu_si256((const __m256i *)(p - 1));
    __m256i here = _mm256_loadu_si256((const __m256i *)p);
    __m256i after = _mm256_loadu_si256((const __m256i *)(p + 1));
    __m256i value = _mm256_add_epi8(before, _mm256_set1_epi8((char)(0x80 - '0')));  /* signed: digits are the lowest */
    __m256i digits = _mm256_cmpgt_epi8(_mm256_set1_epi8((char)0x8A), value);
    __m256i id = _mm256_and_si256(_mm256_cmpeq_epi8(here, _mm256_set1_epi8(' ')),
                                  _mm256_cmpeq_epi8(after, _mm256_set1_epi8('(')));
    __m256i separator = _mm256_and_si256(_mm256_cmpeq_epi8(here, _mm256_set1_epi8('\n')),
                                         _mm256_cmpeq_epi8(after, _mm256_set1_epi8('.')));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(separator, _mm256_and_si256(id, digits)));
}

__attribute__((target("avx2,bmi,popcnt"))) static void find_marks_avx2(Marks *marks) {
    uint16_t *at = marks->at;
    uint32_t size = (uint32_t)(marks->upto - marks->from);
    for (uint32_t place = 0; place < size; place += 64) {
        text p = marks->from + place;
        uint64_t hits = marks_of_32(p) | (uint64_t)marks_of_32(p + 32) << 32;
        int many = __builtin_popcountll(hits);
        for (int i = 0; i < 2; ++i, hits = _blsr_u64(hits))  /* two are usual: written whether or not they are there */
            at[i] = (uint16_t)(place + _tzcnt_u64(hits));
        if (many > 2) for (int i = 2; i < many; ++i, hits = _blsr_u64(hits)) at[i] = (uint16_t)(place + _tzcnt_u64(hits));
        at += many;
    }
    marks->count = (int)(at - marks->at);
}
#endif

/* The next mark at p or behind, else NULL. p[-1] is readable, and p is never before that of the last call. */
INLINE text next_mark(Marks *marks, text p) {
    for (;;) {
        int64_t place = p - marks->from;
        while (marks->next < marks->count && marks->at[marks->next] < place) ++marks->next;
        if (marks->next < marks->count) return marks->from + marks->at[marks->next];
        text from = p > marks->upto ? p : marks->upto, end = marks->end;
        if (from >= end) return NULL;
        marks->from = from;
        marks->upto = end - from > WINDOW ? from + WINDOW : end;
        marks->count = marks->next = 0;
        marks->find(marks);
    }
}

/* The end of the separator line at p (just past its newline), NULL when it is none, `end` + 1 when not all there. */
INLINE text separator_end(text p, text end, int last) {
    text q = p;
    if (take_text(&q, "...\n")) return q;
    if (!take_text(&q, "...")) return end - p < 3 && !last ? end + 1 : NULL;
    take(&q, '\r');
    if (q == end) return last ? end : end + 1;
    return *q == '\n' ? q + 1 : NULL;
}

/* Whether the header of another record begins at p, within a record. */
static int is_torn(text p, text end) {
    Header h = {.date_rest = -1};
    if (!take_header(p, end, &h)) return 0;
    return p[-1] == '\n' || take_body(h.code, h.body, end, &(Numbers){0, 0}, 1);
}

typedef struct { text body_end, end; int torn; } Extent;  /* end NULL: not all of the record is there */

/* Where the record that begins at `start` ends; its own header, if it has one, ends at `from`. */
INLINE Extent find_end(text start, text from, int last, Marks *marks) {
    const Extent none = {NULL, NULL, 0};
    text end = marks->end, at_start = *start == '.' ? separator_end(start, end, last) : NULL;
    if (at_start > end) return none;
    if (at_start) return (Extent){start, at_start, 0};
    for (text p = from > start ? from : start + 1; (p = next_mark(marks, p)); ++p) {
        if (*p == '\n') {
            text after = separator_end(p + 1, end, last);
            if (after && after <= end) return (Extent){p + 1, after, 0};
            if (after) return none;
        } else if (p - 3 > start) {
            if (!last && end - p < 256) return none;     /* the header may go on in the next block */
            if (is_torn(p - 3, end)) return (Extent){p - 3, p - 3, 1};
        }
    }
    return none;
}

static void add_damage(Columns *out, int64_t offset, int64_t length, int why) {
    int64_t n = out->damages - 1;
    if (n >= 0 && !out->foreign && out->damage_why[n] == why && why == NO_HEADER &&
        out->damage_offset[n] + out->damage_length[n] == offset) {
        out->damage_length[n] += length;
        return;
    }
    n = out->damages++;
    out->damage_offset[n] = offset;
    out->damage_length[n] = length;
    out->damage_why[n] = (uint8_t)why;
}

INLINE void add_row(Columns *out, const Header *h, Numbers numbers, int64_t offset, int64_t length) {
    int64_t n = out->rows++;
    out->time[n] = h->time;
    out->offset[n] = offset;
    out->value[n] = numbers.value;
    out->length[n] = (int32_t)length;
    out->cluster[n] = h->cluster;
    out->proc[n] = h->proc;
    out->detail[n] = numbers.detail;
    out->subproc[n] = (int16_t)h->subproc;
    out->code[n] = (int16_t)h->code;
    out->stamp[n] = (uint8_t)h->stamp;
}

/* Read the whole records of data[0, size), the bytes of the log from `base` on, until they or the room end.
 * `out->consumed` tells how far; what follows is an unfinished record. `last`: no bytes follow these.
 * It also stops behind a stretch that begins as an ad does: `out->foreign`, and the stretch is the last damage. */
void scan(text data, int64_t size, int64_t base, int last, Columns *out) {
    text p = data, end = data + size;
    Marks marks;
    marks.from = marks.upto = data, marks.end = end, marks.count = marks.next = 0, marks.find = find_marks;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")) marks.find = find_marks_avx2;
#endif
    Header h = {.date_rest = -1};
    Extent record;
    out->foreign = 0;
    for (; out->rows < out->room && out->damages < out->damage_room && !out->foreign; p = record.end) {
        while (*p <= ' ' && p < end && (*p == '\n' || *p == '\r' || *p == ' ' || *p == '\t')) ++p;
        if (p == end) break;
        int good = take_header(p, end, &h);
        record = find_end(p, good ? h.body - 1 : p, last, &marks);
        if (!record.end) break;
        int64_t offset = base + (p - data), length = record.end - p;
        Numbers numbers = {ABSENT, ABSENT};
        if (!good || length > INT32_MAX) {
            out->foreign = !good && (*p == '{' || *p == '<');
            add_damage(out, offset, length, NO_HEADER);
        } else if (record.torn)
            add_damage(out, offset, length, TORN);
        else if (!take_body(h.code, h.body, record.body_end, &numbers, 0))
            add_damage(out, offset, length, BAD_BODY);
        else
            add_row(out, &h, numbers, offset, length);
    }
    out->consumed = p - data;
}
