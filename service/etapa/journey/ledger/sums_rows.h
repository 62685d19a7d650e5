/* Figures by key, row by row in the order of arrival.

A row is its key in two words of 64 bits, and its figures, a word each. The first word of a key has the part (32 bits) and the first two
columns, the second word up to four more columns: 16 bits for each, which are the number of a name, or a whole number. So a key is found
and compared without touching a name.

Rows of what was counted last are *loose*: not in the index, and perhaps with the key of another. See `sums_counting.h`. */

#ifndef ETAPA_SUMS_ROWS
#define ETAPA_SUMS_ROWS

#include "sums_names.h"

#define MOST_COLUMNS 6
#define MOST_FIGURES 8
#define UNINDEXED 8 /* so few rows are looked through one by one */
#define LARGEST ((int64_t)1 << 62)

struct counting; /* see sums_counting.h */
struct again; /* see sums_again.h */
struct noted; /* see sums_noting.h */

typedef struct {
    PyObject_HEAD
    int keys, named, figures, in_parts; /* columns of keys, of which the last holds whole numbers if it has no names; and of figures */
    int32_t part;      /* in which is counted */
    size_t count, room;
    size_t settled; /* from this one on, rows are loose */
    int64_t *rows;
    uint32_t *index; /* numbers of rows, from 1; NULL as long as there are few */
    size_t mask;
    int64_t most; /* no figure is larger, negative or not, not even of loose rows together */
    names names;
    struct counting *counting; /* NULL as long as there are few rows */
    struct again *again; /* likewise */
    struct noted *noted; /* likewise */
    unsigned notes;
} sums;

typedef struct {
    uint64_t high, low;
} key;

static inline int is_name(const sums *self, int column)
{
    return column < self->named;
}

static inline size_t width(const sums *self)
{
    return 2 + (size_t)self->figures;
}

static inline int64_t *row_at(const sums *self, size_t row)
{
    return self->rows + row * width(self);
}

static inline key key_in(const int64_t *row)
{
    return (key){(uint64_t)row[0], (uint64_t)row[1]};
}

static inline int32_t part_of(key of)
{
    return (int32_t)(uint32_t)(of.high >> 32);
}

static inline uint64_t of_part(int32_t part)
{
    return (uint64_t)(uint32_t)part << 32;
}

static inline unsigned column_of(key of, int column)
{
    return (unsigned)((column < 2 ? of.high >> 16 * (1 - column) : of.low >> 16 * (5 - column)) & 0xffff);
}

/* As it is stored: a name is its number less 1, so that none is -1. */
static inline int64_t number_in(const sums *self, key of, int column)
{
    return (int64_t)column_of(of, column) - is_name(self, column);
}

static inline void set_column(key *of, int column, unsigned number)
{
    if (column < 2)
        of->high |= (uint64_t)number << 16 * (1 - column);
    else
        of->low |= (uint64_t)number << 16 * (5 - column);
}

/* The third column only reaches the highest 16 bits of the product, and places are taken from the lowest. */
static inline size_t hash_of(key of)
{
    uint64_t hash = (of.low ^ of.high * 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    return (size_t)(hash ^ hash >> 32 ^ hash >> 48);
}

static inline int is_key(const int64_t *row, key wanted)
{
    return (uint64_t)row[1] == wanted.low && (uint64_t)row[0] == wanted.high;
}

/* Doubles the room for rows. */
static int make_room(sums *self)
{
    size_t room = self->room ? 2 * self->room : 4;
    int64_t *rows = self->room >= 1u << 30 ? NULL : PyMem_Realloc(self->rows, room * width(self) * sizeof(int64_t));
    if (rows == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->rows = rows;
    self->room = room;
    return 0;
}

static inline void put_into_index(sums *self, size_t row)
{
    size_t place = hash_of(key_in(row_at(self, row))) & self->mask;
    while (self->index[place])
        place = (place + 1) & self->mask;
    self->index[place] = (uint32_t)row + 1;
}

/* Makes sure that all rows for which there is room have room in the index. */
static int make_room_in_index(sums *self)
{
    if (self->room <= UNINDEXED || (self->index != NULL && self->mask == self->room * 2 - 1))
        return 0;
    uint32_t *index = PyMem_Calloc(self->room * 2, sizeof(uint32_t));
    if (index == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyMem_Free(self->index);
    self->index = index;
    self->mask = self->room * 2 - 1;
    for (size_t row = 0; row < self->settled; row++)
        put_into_index(self, row);
    return 0;
}

/* The figures of a key in a row that is not loose; NULL if there are none. */
static inline int64_t *settled_figures(const sums *self, key wanted)
{
    if (self->index == NULL)
        for (size_t row = self->settled; row > 0; row--) {
            if (is_key(row_at(self, row - 1), wanted))
                return row_at(self, row - 1) + 2;
        }
    else
        for (size_t place = hash_of(wanted) & self->mask; self->index[place]; place = (place + 1) & self->mask) {
            int64_t *there = row_at(self, self->index[place] - 1);
            if (is_key(there, wanted))
                return there + 2;
        }
    return NULL;
}

/* Puts loose rows with the same key together, in the order of the first ones, so that no row is loose. */
static int settle(sums *self)
{
    if (self->settled == self->count)
        return 0;
    if (make_room_in_index(self))
        return -1;
    size_t kept = self->settled;
    for (size_t row = kept; row < self->count; row++) {
        const int64_t *loose = row_at(self, row);
        int64_t *there = settled_figures(self, key_in(loose));
        for (int n = 0; there != NULL && n < self->figures; n++)
            there[n] += loose[2 + n];
        if (there == NULL) {
            memmove(row_at(self, kept), loose, width(self) * sizeof(int64_t));
            self->settled = kept + 1;
            if (self->index != NULL)
                put_into_index(self, kept);
            kept++;
        }
    }
    self->count = kept;
    return 0;
}

/* A new row behind all others. */
static inline int64_t *new_row(sums *self, key of)
{
    int64_t *made = row_at(self, self->count++);
    made[0] = (int64_t)of.high;
    made[1] = (int64_t)of.low;
    memset(made + 2, 0, (size_t)self->figures * sizeof(int64_t));
    return made + 2;
}

/* The figures of a key; of a new one, they are 0. No row is loose afterwards. NULL: there is no memory. */
static int64_t *figures_of(sums *self, key wanted)
{
    if (self->settled < self->count && settle(self))
        return NULL;
    int64_t *there = settled_figures(self, wanted);
    if (there != NULL)
        return there;
    if ((self->count == self->room && make_room(self)) || make_room_in_index(self))
        return NULL;
    there = new_row(self, wanted);
    if (self->index != NULL)
        put_into_index(self, self->settled);
    self->settled = self->count;
    return there;
}

static inline int64_t without_sign(int64_t number)
{
    return number < 0 ? -number : number;
}

/* Makes sure that no figure gets too large when each grows by up to `more`. */
static int make_room_for(sums *self, int64_t more)
{
    if (more > LARGEST || self->most > LARGEST - more) {
        if (settle(self))
            return -1;
        self->most = 0;
        for (size_t row = 0; row < self->count; row++)
            for (int n = 0; n < self->figures; n++)
                if (without_sign(row_at(self, row)[2 + n]) > self->most)
                    self->most = without_sign(row_at(self, row)[2 + n]);
        if (more > LARGEST || self->most > LARGEST - more) {
            PyErr_SetString(PyExc_OverflowError, "a sum beyond 62 bits");
            return -1;
        }
    }
    self->most += more;
    return 0;
}

/* No figure is larger if all rows have the same key; more than any may be if that is not certain. */
static int64_t most_together(const sums *self)
{
    uint64_t most = 0;
    for (int n = 0; n < self->figures; n++) {
        uint64_t all = 0;
        for (size_t row = 0; row < self->count && all <= (uint64_t)LARGEST; row++)
            all += (uint64_t)without_sign(row_at(self, row)[2 + n]);
        if (all > most)
            most = all;
    }
    return most > (uint64_t)LARGEST ? LARGEST + 1 : (int64_t)most;
}

#endif
