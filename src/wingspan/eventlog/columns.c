/* Passes over the scanned columns, each row by what came before it. No Python in it; called through ctypes. */
#include <stdint.h>

enum { NO_YEAR = 1 };                                    /* stamp, as in scan.c */
static const double DAY = 86400, MARCH = 86400.0 * (2 * 365 + 31 + 29);  /* the latter in 1972 */

/* Give each row the owner of its job. In: owner[i] of submit events, else -1; owner[0..] of the file's first one in
 * `last`. A job is owned by its last submit event before the row, else by its cluster's, else by the last event's owner.
 * `keys` and `owners` are a hash table of `mask` + 1 places, a power of two above the submit events; owners are 0. */
void assign_owners(int64_t rows, const int32_t *cluster, const int32_t *proc, int16_t *owner, int16_t last,
                   int64_t *keys, int16_t *owners, int64_t mask) {
    for (int64_t row = 0; row < rows; ++row) {
        int again = row && owner[row] < 0 && cluster[row] == cluster[row - 1] && proc[row] == proc[row - 1];
        for (int whole = again ? 2 : 0; whole < 2; ++whole) {  /* the job's place, then its cluster's */
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

static int is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/* Seconds from the start of 1972 to that of another year. */
static double start_of(int year) {
    const int64_t shift = 400 * 100000;                  /* whole cycles of the calendar: never below 0 */
    int64_t before = year - 1 + shift, since = 1971 + shift;
    int64_t leaps = before / 4 - before / 100 + before / 400 - (since / 4 - since / 100 + since / 400);
    return DAY * (double)((before - since) * 365 + leaps);
}

/* Give the stamps without a year in rows [row, stop), taken in steps of 1 or -1, their years. The one before them was
 * written as `before`, in `year`; a leap of more than half a year between two is a New Year. */
static void walk(double *time, const uint8_t *stamp, int64_t row, int64_t stop, int step, double before, int year) {
    double start = start_of(year);
    for (; row != stop; row += step) {
        if (!(stamp[row] & NO_YEAR)) continue;
        double written = time[row], change = step * (written - before);
        if (change < -183 * DAY || change > 183 * DAY) {
            year += change < 0 ? step : -step;
            start = start_of(year);
        }
        time[row] = written + start;
        if (written >= MARCH && !is_leap(year)) time[row] -= DAY;
        before = written;
    }
}

int64_t next_without_year(const uint8_t *stamp, int64_t row, int step) {
    while (!(stamp[row] & NO_YEAR)) row += step;
    return row;
}

/* Turn stamps without a year, read as of 1972, into those of their years. Row `at` is one of them, in `year` or, were
 * that later than `latest`, in the year before. 29 February is 1 March where there is none. */
void add_years(int64_t rows, double *time, const uint8_t *stamp, int64_t at, int year, double latest) {
    double written = time[at], then = written + start_of(year);
    if (written >= MARCH && !is_leap(year)) then -= DAY;
    if (then > latest) --year;
    walk(time, stamp, at, rows, 1, written, year);
    walk(time, stamp, at - 1, -1, -1, written, year);
}
