/* Counting while a batch is judged.

In a batch of history hardly two touchpoints have the same hour and everything else alike, and all its rows together are larger than the
processor's caches. So once there are many rows, a key that was not counted lately is not looked for among them: it gets a new row behind
the others, which is loose until anything but counting and adding to other sums needs each key once. */

#ifndef ETAPA_SUMS_COUNTING
#define ETAPA_SUMS_COUNTING

#include "sums_rows.h"

#define FEW 8
#define BITS_OF_SLOT 9
#define SLOTS (1 << BITS_OF_SLOT)
#define MOST_NAMES_MET 5
#define LATELY 1024
#define IN_CACHE 2048 /* so many rows are looked for all the same, as in a busy hour: they and their index are near */
#define MANY (1u << 14) /* so many rows are put together before more room is made */

/* A key's names as they were met last, what they make of a key, and the part and row where they were counted. */
struct met {
    PyObject *names[MOST_NAMES_MET]; /* kept, so that no other object comes to have their addresses */
    key of;
    int32_t part;
    uint32_t row;
};

/* Where a key was counted; found by its hash, of which `tag` is the upper half, so that hardly ever a row is looked at in vain. */
struct lately {
    uint32_t tag, row;
};

struct counting {
    struct met met[SLOTS];
    struct lately lately[LATELY];
};

static void free_counting(struct counting *counting)
{
    for (int slot = 0; counting != NULL && slot < SLOTS; slot++)
        for (int column = 0; column < MOST_NAMES_MET; column++)
            Py_XDECREF(counting->met[slot].names[column]);
    PyMem_Free(counting);
}

static inline struct met *slot_of(struct counting *counting, PyObject *const *columns, int named)
{
    uint64_t hash = 0;
    for (int column = 0; column < named; column++)
        hash = (hash ^ (uint64_t)(uintptr_t)columns[column] >> 4) * 0x9E3779B97F4A7C15u;
    return counting->met + (hash >> (64 - BITS_OF_SLOT));
}

static inline int has_met(const struct met *slot, PyObject *const *columns, int named)
{
    for (int column = 0; column < named; column++)
        if (slot->names[column] != columns[column])
            return 0;
    return 1;
}

/* What names make of a key: next time they are found by their addresses, since they are the very same objects more often than not. */
static int read_names(sums *self, PyObject *const *columns, key *of, struct met *slot)
{
    for (int column = 0; column < self->named; column++) {
        int number = number_of_name(&self->names, columns[column]);
        if (number < 0)
            return -1;
        set_column(of, column, (unsigned)number);
    }
    if (slot != NULL) {
        for (int column = 0; column < self->named; column++)
            Py_XSETREF(slot->names[column], Py_NewRef(columns[column]));
        slot->of = *of;
    }
    return 0;
}

static inline uint32_t row_of(const sums *self, const int64_t *figures)
{
    return (uint32_t)((size_t)(figures - self->rows) / width(self));
}

/* A new row, which is loose. */
static int64_t *loose_row(sums *self, key of)
{
    if (self->count == self->room && ((self->count >= MANY && settle(self)) || (self->count > self->room / 2 && make_room(self))))
        return NULL;
    return new_row(self, of);
}

/* The row where a key was counted lately, or as `loose_row` if that is not known. */
static inline int64_t *lately_counted(sums *self, key of)
{
    uint64_t hash = hash_of(of);
    struct lately *entry = self->counting->lately + hash % LATELY;
    uint32_t tag = (uint32_t)(hash >> 32);
    if (entry->tag == tag && entry->row < self->count && is_key(row_at(self, entry->row), of))
        return row_at(self, entry->row) + 2;
    int64_t *there = self->count <= IN_CACHE ? figures_of(self, of) : loose_row(self, of);
    if (there != NULL)
        *entry = (struct lately){tag, row_of(self, there)};
    return there;
}

/* The figures of a key in the present part. `named`: how many columns have names, which most callers know beforehand.
   `number`: what the last column holds if it has no names. */
static inline int64_t *counted_at(sums *self, PyObject *const *columns, int named, unsigned number)
{
    key of = {0, 0};
    struct met *slot = self->counting == NULL ? NULL : slot_of(self->counting, columns, named);
    if (slot != NULL && has_met(slot, columns, named))
        of = slot->of;
    else if (read_names(self, columns, &of, slot))
        return NULL;
    of.high |= of_part(self->part);
    if (named < self->keys)
        set_column(&of, named, number);
    if (slot != NULL) {
        /* Rows of other parts are far away. */
        if (slot->part == self->part && slot->row < self->count && is_key(row_at(self, slot->row), of))
            return row_at(self, slot->row) + 2;
        int64_t *there = lately_counted(self, of);
        if (there != NULL) {
            slot->part = self->part;
            slot->row = row_of(self, there);
        }
        return there;
    }
    /* Without memory for it, the index does. */
    if (self->count >= FEW && named <= MOST_NAMES_MET)
        self->counting = PyMem_Calloc(1, sizeof(struct counting));
    return figures_of(self, of);
}

#endif
