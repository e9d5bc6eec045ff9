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

typedef const unsigned char *text;
typedef text Finder(text, text);

enum { NO_YEAR = 1, HAS_ZONE = 2 };                      /* stamp */
enum { NO_HEADER = 1, TORN = 2, BAD_BODY = 3 };          /* why a stretch is damaged */
enum { ABSENT = INT32_MIN };

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
    int code, stamp;
    int32_t cluster, proc, subproc;
    double time;
    text body;                                           /* after the stamp and its space */
    unsigned char date[10];                              /* the last date seen, and its day: most repeat */
    int date_stamp;
    int64_t day;
} Header;

typedef struct { int64_t value; int32_t detail; } Numbers;

/* ---- small readers: each moves *p past what it took, and returns 0 when it is not there ---- */

static int digit(unsigned char c) { return (unsigned)c - '0' < 10; }

static int take(text *p, text end, unsigned char c) {
    if (*p >= end || **p != c) return 0;
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

/* Eight bytes at a time, the last ones twice: shorter than a call. */
static inline int same(text a, const void *with, size_t n) {
    text b = with;
    uint64_t x, y;
    if (n < 8) {
        for (size_t i = 0; i < n; ++i) if (a[i] != b[i]) return 0;
        return 1;
    }
    for (size_t i = 0; i < n; i += 8) {
        size_t at = i < n - 8 ? i : n - 8;
        memcpy(&x, a + at, 8);
        memcpy(&y, b + at, 8);
        if (x != y) return 0;
    }
    return 1;
}

static int take_bytes(text *p, text end, const char *bytes, size_t n) {
    if ((size_t)(end - *p) < n || !same(*p, bytes, n)) return 0;
    *p += n;
    return 1;
}

static inline int take_text(text *p, text end, const char *literal) {
    return take_bytes(p, end, literal, strlen(literal));
}

static int take_integer(text *p, text end, int64_t *out) {
    text q = *p;
    int negative = take(&q, end, '-');
    text first = q;
    uint64_t n = 0;
    for (unsigned d; q < end && (d = (unsigned)*q - '0') < 10; ++q) n = n * 10 + d;
    if (q == first || q - first > 18) return 0;
    *out = negative ? -(int64_t)n : (int64_t)n;
    *p = q;
    return 1;
}

static int take_int(text *p, text end, int64_t low, int64_t high, int32_t *out) {
    int64_t n;
    if (!take_integer(p, end, &n) || n < low || n > high) return 0;
    *out = (int32_t)n;
    return 1;
}

static int take_digits(text *p, text end, int count, int *out) {
    int n = 0;
    if (end - *p < count) return 0;
    for (int i = 0; i < count; ++i) {
        if (!digit((*p)[i])) return 0;
        n = n * 10 + ((*p)[i] - '0');
    }
    *p += count;
    *out = n;
    return 1;
}

static void skip_blanks(text *p, text end) {
    while (*p < end && (**p == ' ' || **p == '\t')) ++*p;
}

/* Move to the start of the next line of the record; 0 when there is none. */
static int next_line(text *p, text end) {
    text newline = *p < end ? memchr(*p, '\n', end - *p) : NULL;
    *p = newline ? newline + 1 : end;
    return *p < end;
}

/* ---- the header ---- */

static int64_t days_of(int year, int month, int day) {   /* days since 1970-01-01, proleptic Gregorian */
    int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "MM/DD " or "YYYY-MM-DD " or "YYYY-MM-DDT": the day since 1970 goes to h->day. */
static int take_date(text *p, text end, Header *h) {
    int year = 1972, month, day;                         /* a leap year, so that 02/29 is a day */
    text from = *p;
    if (end - from < 11) return 0;
    int size = from[2] == '/' ? 5 : 10;
    *p += size + 1;
    if (from[size] != ' ' && (from[size] != 'T' || size == 5)) return 0;
    h->stamp = size == 5 ? NO_YEAR : 0;
    if (h->date_stamp == size && (size == 5 ? same(from, h->date, 5) : same(from, h->date, 10))) return 1;
    text q = from;
    if (size == 10 && (!take_digits(&q, end, 4, &year) || !take(&q, end, '-'))) return 0;
    if (!take_digits(&q, end, 2, &month) || !take(&q, end, size == 5 ? '/' : '-')) return 0;
    if (!take_digits(&q, end, 2, &day) || month < 1 || month > 12 || day < 1 || day > 31) return 0;
    h->day = days_of(year, month, 1) + day - 1;          /* 02/30 is 03/01 or 03/02, as mktime has it */
    h->date_stamp = size;
    memcpy(h->date, from, size);
    return 1;
}

static int take_zone(text *p, text end, Header *h) {
    int sign = 1, hours, minutes;
    if (take(p, end, 'Z')) { h->stamp |= HAS_ZONE; return 1; }
    if (take(p, end, '-')) sign = -1; else if (!take(p, end, '+')) return 1;
    if (!take_digits(p, end, 2, &hours)) return 0;
    take(p, end, ':');
    if (!take_digits(p, end, 2, &minutes)) return 0;
    h->stamp |= HAS_ZONE;
    h->time -= sign * (hours * 3600 + minutes * 60);
    return 1;
}

/* "HH:MM:SS" */
static int take_clock(text *p, text end, int *seconds) {
    if (end - *p < 8) return 0;
    uint64_t lanes = eight(*p) ^ 0x30303A30303A3030;     /* digits are 0 to 9, colons 0 */
    if (above_nine(lanes) || lanes & 0x0000FF0000FF0000) return 0;
    lanes = lanes * 10 + (lanes >> 8);
    int hour = lanes & 255, minute = lanes >> 24 & 255, second = lanes >> 48 & 255;
    *p += 8;
    *seconds = hour * 3600 + minute * 60 + second;
    return hour <= 24 && minute <= 59 && second <= 61;
}

static int take_stamp(text *p, text end, Header *h) {
    int seconds;
    if (!take_date(p, end, h) || !take_clock(p, end, &seconds)) return 0;
    h->time = (double)(h->day * 86400 + seconds);
    if (*p < end && **p == ' ') return 1;
    if (take(p, end, '.')) {
        int64_t fraction = 0, scale = 1;
        for (; *p < end && digit(**p) && scale < 1000000000; ++*p, scale *= 10)
            fraction = fraction * 10 + (**p - '0');
        if (scale == 1) return 0;
        h->time += (double)fraction / (double)scale;
    }
    return take_zone(p, end, h);
}

static int take_header(text p, text end, Header *h) {
    if (!take_digits(&p, end, 3, &h->code) || !take(&p, end, ' ') || !take(&p, end, '(')) return 0;
    if (!take_int(&p, end, INT32_MIN, INT32_MAX, &h->cluster) || !take(&p, end, '.')) return 0;
    if (!take_int(&p, end, INT32_MIN, INT32_MAX, &h->proc) || !take(&p, end, '.')) return 0;
    if (!take_int(&p, end, INT16_MIN, INT16_MAX, &h->subproc) || !take(&p, end, ')')) return 0;
    if (!take(&p, end, ' ') || !take_stamp(&p, end, h)) return 0;
    if (p < end && *p != ' ' && *p != '\n' && *p != '\r') return 0;
    take(&p, end, ' ');
    h->body = p;
    return 1;
}

/* ---- the bodies: enough of each to know that it is whole, and its codes ---- */

#define LITERAL(text) {text, sizeof(text) - 1}
static const struct { const char *text; size_t length; } BANNERS[48] = {
    [0] = LITERAL("Job submitted from host: "), [1] = LITERAL("Job executing on host: "), [2] = LITERAL("("),
    [3] = LITERAL("Job was checkpointed."), [4] = LITERAL("Job was evicted."), [5] = LITERAL("Job terminated."),
    [6] = LITERAL("Image size of job updated: "), [7] = LITERAL("Shadow exception!"), [9] = LITERAL("Job was aborted"),
    [10] = LITERAL("Job was suspended."), [11] = LITERAL("Job was unsuspended."), [12] = LITERAL("Job was held."),
    [13] = LITERAL("Job was released."), [14] = LITERAL("Node "), [15] = LITERAL("Node "), [16] = LITERAL("POST Script terminated."),
    [23] = LITERAL("Job reconnected to "), [25] = LITERAL("Grid Resource Back Up"), [26] = LITERAL("Detected Down Grid Resource"),
    [27] = LITERAL("Job submitted to grid resource"), [28] = LITERAL("Job ad information event triggered."),
    [29] = LITERAL("The job's remote status is unknown"), [30] = LITERAL("The job's remote status is known again"),
    [31] = LITERAL("Job is performing stage-in of input files"),
    [32] = LITERAL("Job is performing stage-out of output files"),
    [35] = LITERAL("Cluster submitted from host: "), [47] = LITERAL("Common files event: "),
};

static const char *const TRANSFERS[6] = {
    "Entered queue to transfer input files", "Started transferring input files",
    "Finished transferring input files", "Entered queue to transfer output files",
    "Started transferring output files", "Finished transferring output files",
};

/* "Code N Subcode M" */
static int take_codes(text p, text end, Numbers *out) {
    int32_t code, subcode;
    skip_blanks(&p, end);
    if (!take_text(&p, end, "Code ") || !take_int(&p, end, INT32_MIN + 1, INT32_MAX, &code)) return 0;
    if (!take_text(&p, end, " Subcode ") || !take_int(&p, end, INT32_MIN + 1, INT32_MAX, &subcode)) return 0;
    out->value = code;
    out->detail = subcode;
    return 1;
}

static int find_codes(text p, text end, Numbers *out) {
    out->value = out->detail = 0;
    while (next_line(&p, end)) if (take_codes(p, end, out)) break;
    return 1;
}

/* "Usr D HH:MM:SS, Sys D HH:MM:SS" on the next line */
static int usage_line(text *p, text end) {
    static const unsigned char low[30] = "Usr 0 00:00:00, Sys 0 00:00:00";
    static const unsigned char span[30] = {0, 0, 0, 0, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9, 0, 0, 0, 0, 0, 0, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9};
    int64_t n;
    int other = 0;
    if (!next_line(p, end)) return 0;
    text q = *p;
    skip_blanks(&q, end);
    if (end - q < 30) return 0;
    for (int i = 0; i < 30; ++i) other |= (unsigned char)(q[i] - low[i]) > span[i];
    for (int i = 0; other && i < 2; ++i) {               /* some number has more digits */
        if (!take_text(&q, end, i ? ", Sys " : "Usr ")) return 0;
        if (!take_integer(&q, end, &n) || !take(&q, end, ' ') || !take_integer(&q, end, &n)) return 0;
        if (!take(&q, end, ':') || !take_integer(&q, end, &n)) return 0;
        if (!take(&q, end, ':') || !take_integer(&q, end, &n)) return 0;
    }
    return 1;
}

/* "(1) Normal termination (return value N)" or "(0) Abnormal termination (signal N)" on the next line */
static int termination_line(text *p, text end, Numbers *out) {
    if (!next_line(p, end)) return 0;
    text q = *p;
    skip_blanks(&q, end);
    int normal = take_text(&q, end, "(1) Normal termination (return value ");
    if (!normal && !take_text(&q, end, "(0) Abnormal termination (signal ")) return 0;
    out->detail = !normal;
    return take_integer(&q, end, &out->value);
}

static int terminated(text p, text end, Numbers *out) {
    if (!termination_line(&p, end, out)) return 0;
    if (out->detail) {
        if (!next_line(&p, end)) return 0;
        text q = p;
        skip_blanks(&q, end);
        if (!take_text(&q, end, "(0)") && !take_text(&q, end, "(1) Corefile in: ")) return 0;
    }
    return usage_line(&p, end) && usage_line(&p, end) && usage_line(&p, end) && usage_line(&p, end);
}

static int evicted(text p, text end, Numbers *out) {
    int64_t n;
    out->value = out->detail = 0;
    take_codes(p, end, out);                             /* on the banner's own line, in new logs */
    if (!next_line(&p, end)) return 0;
    text q = p;
    skip_blanks(&q, end);
    if (!take(&q, end, '(') || !take_integer(&q, end, &n) || !take(&q, end, ')')) return 0;
    return usage_line(&p, end) && usage_line(&p, end);
}

static int image_size(text p, text end, Numbers *out) {
    int64_t n;
    if (!take_integer(&p, end, &out->value)) return 0;
    while (next_line(&p, end)) {
        text q = p;
        skip_blanks(&q, end);
        if (!take_integer(&q, end, &n) || !take_text(&q, end, "  -  ")) break;
        if (take_text(&q, end, "MemoryUsage") && n >= INT32_MIN + 1 && n <= INT32_MAX)
            out->detail = (int32_t)n;
    }
    return 1;
}

/* Who submitted: a number for the access point in <IP:PORT?...&alias=HOST&...>: HOST, or IP when there is none. */
static int submitted(text p, text end, Numbers *out) {
    text line = p;
    next_line(&line, end);
    text from = p + (p < line && *p == '<'), alias = NULL;
    for (text q = from; (q = memchr(q, 'a', line - q)) && line - q > 6; ++q)
        if (!memcmp(q, "alias=", 6) && q > from && (q[-1] == '&' || q[-1] == '?')) { alias = q + 6; break; }
    text q = alias ? alias : from;
    uint64_t hash = 14695981039346656037ULL;             /* FNV-1a */
    int bracket = 0;
    for (; q < line && *q != '>' && *q != '\n' && *q != '\r' && *q != '&' && *q != '?'; ++q) {
        bracket |= *q == '[';
        if (*q == ']') bracket = 0;
        if (*q == ':' && !bracket && !alias) break;
        hash = (hash ^ *q) * 1099511628211ULL;
    }
    out->value = (int64_t)(hash >> 1);
    return 1;
}

static int transferred(text p, text end, Numbers *out) {
    int first = p == end ? 0 : *p == 'E' ? 0 : *p == 'S' ? 1 : 2;
    for (int i = first; i < 6; i += 3) {
        text q = p;
        if (take_text(&q, end, TRANSFERS[i]) && (take(&q, end, '\n') || take(&q, end, '\r'))) {
            out->value = i + 1;
            return 1;
        }
    }
    return 0;
}

static int indented_lines(text p, text end, const char *first, const char *second) {
    if (!next_line(&p, end)) return 0;
    text q = p;
    if (!take_text(&q, end, first)) return 0;
    if (!*second) return 1;
    return next_line(&p, end) && take_text(&p, end, second);
}

static int remote_error(text p, text end, Numbers *out) {
    text line = p;
    next_line(&line, end);
    int found = 0;
    for (text q = p; q + 6 <= line && !found; ++q) found = !memcmp(q, " from ", 6);
    return found && find_codes(p, end, out);
}

static int numbered_node(text *p, text end, const char *then) {
    int64_t node;
    return take_integer(p, end, &node) && take_text(p, end, then);
}

/* 1 when the body [p, end) is whole; its numbers go to `out`. */
static int take_body(int code, text p, text end, Numbers *out) {
    int64_t n;
    int32_t count;
    if (code < 48 && !take_bytes(&p, end, BANNERS[code].text, BANNERS[code].length)) return 0;
    switch (code) {
    case 0: case 35: return submitted(p, end, out);
    case 2: return take_integer(&p, end, &n) && take(&p, end, ')');
    case 3: return usage_line(&p, end) && usage_line(&p, end);
    case 4: return evicted(p, end, out);
    case 5: return terminated(p, end, out);
    case 6: return image_size(p, end, out);
    case 10:
        if (!next_line(&p, end)) return 0;
        skip_blanks(&p, end);
        return take_text(&p, end, "Number of processes actually suspended: ") &&
               take_int(&p, end, INT32_MIN, INT32_MAX, &count);
    case 12: return find_codes(p, end, out);
    case 14: return numbered_node(&p, end, " executing on host: ");
    case 15: return numbered_node(&p, end, " terminated.") && terminated(p, end, out);
    case 16: return termination_line(&p, end, out);
    case 21: return remote_error(p, end, out);
    case 22: return indented_lines(p, end, "    ", "    Trying to reconnect to ");
    case 23: return indented_lines(p, end, "    startd address: ", "    starter address: ");
    case 24: return indented_lines(p, end, "    ", "    Can not reconnect to ");
    case 25: case 26: return indented_lines(p, end, "    GridResource: ", "");
    case 27: return indented_lines(p, end, "    GridResource: ", "    GridJobId: ");
    case 28: return next_line(&p, end);                  /* at least one attribute */
    case 40: return transferred(p, end, out);
    default: return 1;                                   /* free text, or an event of a newer HTCondor */
    }
}

/* A header in the middle of a line follows a short write, but only if what comes next is its banner: text that
 * merely quotes an id must not cut a record in two. */
static int has_banner(const Header *h, text end) {
    text p = h->body;
    Numbers ignored = {ABSENT, ABSENT};
    if (h->code == 40) return transferred(p, end, &ignored);
    if (h->code >= 48 || BANNERS[h->code].length < 5) return 0;
    return take_bytes(&p, end, BANNERS[h->code].text, BANNERS[h->code].length);
}

/* ---- finding the ends of records ---- */

static int is_mark(text p) {                             /* p[-1], p[0], p[1] are readable */
    return (p[0] == '\n' && p[1] == '.') || (p[0] == ' ' && p[1] == '(' && digit(p[-1]));
}

/* The next place in [p, end) where "\n." stands, or " (" behind a digit; else NULL. p[-1] is readable. */
static text next_mark(text p, text end) {
    typedef unsigned char lanes __attribute__((vector_size(16)));
    for (; end - p > 16; p += 16) {
        lanes before, here, after;
        memcpy(&before, p - 1, 16);
        memcpy(&here, p, 16);
        memcpy(&after, p + 1, 16);
        lanes id = (lanes)(here == ' ') & (lanes)(after == '(') & (lanes)(before - '0' < 10);
        lanes hits = ((lanes)(here == '\n') & (lanes)(after == '.')) | id;
        uint64_t any[2];
        memcpy(any, &hits, 16);
        if (any[0] | any[1]) break;
    }
    for (; end - p > 1; ++p) if (is_mark(p)) return p;
    return NULL;
}

#if defined(__x86_64__)
/* The same, 64 bytes at a time, for machines that have AVX2. */
__attribute__((target("avx2"))) static text next_mark_avx2(text p, text end) {
    const __m256i newline = _mm256_set1_epi8('\n'), dot = _mm256_set1_epi8('.'), space = _mm256_set1_epi8(' ');
    const __m256i open = _mm256_set1_epi8('('), zero = _mm256_set1_epi8('0'), nine = _mm256_set1_epi8(9);
    for (; end - p > 64; p += 64) {
        __m256i hits[2];
        for (int half = 0; half < 2; ++half) {
            __m256i before = _mm256_loadu_si256((const __m256i *)(p + 32 * half - 1));
            __m256i here = _mm256_loadu_si256((const __m256i *)(p + 32 * half));
            __m256i after = _mm256_loadu_si256((const __m256i *)(p + 32 * half + 1));
            __m256i value = _mm256_sub_epi8(before, zero);
            __m256i digits = _mm256_cmpeq_epi8(_mm256_min_epu8(value, nine), value);
            __m256i id = _mm256_and_si256(_mm256_cmpeq_epi8(here, space), _mm256_cmpeq_epi8(after, open));
            __m256i separator = _mm256_and_si256(_mm256_cmpeq_epi8(here, newline), _mm256_cmpeq_epi8(after, dot));
            hits[half] = _mm256_or_si256(separator, _mm256_and_si256(id, digits));
        }
        __m256i any = _mm256_or_si256(hits[0], hits[1]);
        if (_mm256_testz_si256(any, any)) continue;
        uint64_t low = (uint32_t)_mm256_movemask_epi8(hits[0]), high = (uint32_t)_mm256_movemask_epi8(hits[1]);
        return p + __builtin_ctzll(low | high << 32);
    }
    return next_mark(p, end);
}
#endif

/* The end of the separator line at p (just past its newline), NULL when it is none, `end` + 1 when not all there. */
static text separator_end(text p, text end, int last) {
    text q = p;
    if (!take_text(&q, end, "...")) return end - p < 3 && !last ? end + 1 : NULL;
    take(&q, end, '\r');
    if (q == end) return last ? end : end + 1;
    return *q == '\n' ? q + 1 : NULL;
}

typedef struct { text body_end, end; int torn; } Extent;  /* end NULL: not all of the record is there */

/* Where the record that begins at `start` ends; its own header, if it has one, ends at `from`. */
static Extent find_end(text start, text from, text end, int last, Finder *next) {
    const Extent none = {NULL, NULL, 0};
    text at_start = *start == '.' ? separator_end(start, end, last) : NULL;
    if (at_start > end) return none;
    if (at_start) return (Extent){start, at_start, 0};
    for (text p = from > start ? from : start + 1; (p = next(p, end)); ++p) {
        if (*p == '\n') {
            text after = separator_end(p + 1, end, last);
            if (after && after <= end) return (Extent){p + 1, after, 0};
            if (after) return none;
        } else if (p - 3 > start) {
            Header h = {0};
            if (!last && end - p < 256) return none;     /* the header may go on in the next block */
            if (!take_header(p - 3, end, &h)) continue;
            if (p[-4] != '\n' && !has_banner(&h, end)) continue;
            return (Extent){p - 3, p - 3, 1};
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

static void add_row(Columns *out, const Header *h, Numbers numbers, int64_t offset, int64_t length) {
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
    Finder *next = next_mark;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) next = next_mark_avx2;
#endif
    text p = data, end = data + size;
    Header h = {0};
    out->consumed = out->foreign = 0;
    while (out->rows < out->room && out->damages < out->damage_room) {
        while (p < end && (*p == '\n' || *p == '\r' || *p == ' ' || *p == '\t')) ++p;
        out->consumed = p - data;
        if (p == end) return;
        int good = take_header(p, end, &h);
        Extent record = find_end(p, good ? h.body - 1 : p, end, last, next);
        if (!record.end) return;
        int64_t offset = base + (p - data), length = record.end - p;
        Numbers numbers = {ABSENT, ABSENT};
        out->foreign = !good && (*p == '{' || *p == '<');
        if (!good || length > INT32_MAX)
            add_damage(out, offset, length, NO_HEADER);
        else if (record.torn)
            add_damage(out, offset, length, TORN);
        else if (!take_body(h.code, h.body, record.body_end, &numbers))
            add_damage(out, offset, length, BAD_BODY);
        else
            add_row(out, &h, numbers, offset, length);
        p = record.end;
        out->consumed = p - data;
        if (out->foreign) return;
    }
}

/* Give each row the owner of its job. In: owner[i] of submit events, else -1; owner[0..] of the file's first one in
 * `last`. A job is owned by its last submit event before the row, else by its cluster's, else by the last event's owner.
 * `keys` and `owners` are a hash table of `mask` + 1 places, a power of two above the submit events; owners are 0. */
void assign_owners(int64_t rows, const int32_t *cluster, const int32_t *proc, int16_t *owner, int16_t last,
                   int64_t *keys, int16_t *owners, int64_t mask) {
    for (int64_t row = 0; row < rows; ++row) {
        for (int whole = 0; whole < 2; ++whole) {        /* the job's place, then its cluster's */
            uint64_t key = (uint64_t)(uint32_t)cluster[row] << 32 | (uint32_t)(whole ? -1 : proc[row]);
            int64_t place = (int64_t)((key * 0x9E3779B97F4A7C15ULL) >> 20) & mask;
            while (owners[place] && keys[place] != (int64_t)key) place = (place + 1) & mask;
            if (owner[row] >= 0) {
                keys[place] = (int64_t)key;
                owners[place] = (int16_t)(owner[row] + 1);
                break;
            }
            if (owners[place]) {
                owner[row] = (int16_t)(owners[place] - 1);
                break;
            }
        }
        if (owner[row] < 0) owner[row] = last;
        last = owner[row];
    }
}
