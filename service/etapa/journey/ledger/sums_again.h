/* Figures of several keys that come again and again as the very same tuple: they are read once, and found by its address. */

#ifndef ETAPA_SUMS_AGAIN
#define ETAPA_SUMS_AGAIN

#include "sums_counting.h"
#include "sums_lists.h"

#define BITS_OF_TUPLE 7
#define MOST_TOGETHER 2

/* What a tuple of tables, keys and figures holds, and where it was counted last. */
struct again {
    PyObject *tuple; /* kept, so that no other comes to have its address */
    int length;
    int32_t part;
    int64_t most;
    key of[MOST_TOGETHER];
    uint32_t row[MOST_TOGETHER];
    int64_t figures[MOST_TOGETHER][MOST_FIGURES];
};

static void free_again(struct again *again)
{
    for (int slot = 0; again != NULL && slot < 1 << BITS_OF_TUPLE; slot++)
        Py_XDECREF(again[slot].tuple);
    PyMem_Free(again);
}

/* 1: it is read; 0: not all in it is of that table, or there is more in it than is read; -1: something else is in it. */
static int read_tuple(sums *self, PyObject *tuple, PyObject *table, struct again *read)
{
    Py_ssize_t length = PyTuple_GET_SIZE(tuple);
    if (length > MOST_TOGETHER || self->named != self->keys)
        return 0;
    for (Py_ssize_t at = 0; at < length; at++) {
        PyObject *each = PyTuple_GET_ITEM(tuple, at);
        if (!PyTuple_CheckExact(each) || PyTuple_GET_SIZE(each) != 3 || PyTuple_GET_ITEM(each, 0) != table)
            return 0;
        PyObject *columns = PyTuple_GET_ITEM(each, 1), *figures = PyTuple_GET_ITEM(each, 2);
        if (!PyTuple_CheckExact(columns) || PyTuple_GET_SIZE(columns) != self->keys || !PyTuple_CheckExact(figures)
            || PyTuple_GET_SIZE(figures) != self->figures)
            return 0;
    }
    read->length = (int)length;
    read->part = self->part;
    read->most = 0;
    for (Py_ssize_t at = 0; at < length; at++) {
        PyObject *each = PyTuple_GET_ITEM(tuple, at), *figures = PyTuple_GET_ITEM(each, 2);
        int64_t most = 0;
        read->of[at] = (key){0, 0};
        read->row[at] = UINT32_MAX;
        if (read_names(self, ((PyTupleObject *)PyTuple_GET_ITEM(each, 1))->ob_item, read->of + at, NULL))
            return -1;
        for (int n = 0; n < self->figures; n++) {
            if (whole_number(PyTuple_GET_ITEM(figures, n), read->figures[at] + n))
                return -1;
            if (without_sign(read->figures[at][n]) > most)
                most = without_sign(read->figures[at][n]);
        }
        read->most += most > LARGEST / MOST_TOGETHER ? LARGEST / MOST_TOGETHER + 1 : most;
    }
    return 1;
}

/* What the tuple holds, as `read_tuple` says. `read`: where to read it as long as hardly anything was counted. */
static int found_again(sums *self, PyObject *tuple, PyObject *table, struct again *read, struct again **found)
{
    *found = read;
    if (self->again == NULL && self->count >= FEW)
        self->again = PyMem_Calloc(1 << BITS_OF_TUPLE, sizeof(struct again)); /* without memory for it, it is read each time */
    if (self->again == NULL)
        return read_tuple(self, tuple, table, read);
    struct again *slot = self->again + (((uint64_t)(uintptr_t)tuple >> 4) * 0x9E3779B97F4A7C15u >> (64 - BITS_OF_TUPLE));
    *found = slot;
    if (slot->tuple == tuple)
        return 1;
    int is_read = read_tuple(self, tuple, table, read);
    if (is_read > 0) {
        read->tuple = slot->tuple;
        *slot = *read;
        Py_XSETREF(slot->tuple, Py_NewRef(tuple));
    }
    return is_read;
}

/* Adds it once; there is room for it. */
static int add_again(sums *self, struct again *found)
{
    for (int at = 0; at < found->length; at++) {
        key of = found->of[at];
        of.high |= of_part(self->part);
        int64_t *there;
        if (found->part == self->part && found->row[at] < self->count && is_key(row_at(self, found->row[at]), of))
            there = row_at(self, found->row[at]) + 2;
        else if ((there = self->counting == NULL ? figures_of(self, of) : lately_counted(self, of)) == NULL)
            return -1;
        found->row[at] = row_of(self, there);
        for (int n = 0; n < self->figures; n++)
            there[n] += found->figures[at][n];
    }
    found->part = self->part;
    return 0;
}

#endif
