/* Sums in MessagePack: the names, and then the numbers row by row, as they came, or column by column, in order.

In the numbers, a name is its number less 1, so that none is -1. */

#ifndef ETAPA_SUMS_PACKING
#define ETAPA_SUMS_PACKING

#include <stdlib.h>

#include "sums_noting.h"

#define MOST_BYTES_OF_NUMBER 9
#define MOST_BYTES_OF_LENGTH 5

/* MessagePack's integers, each as short as can be. */
static unsigned char *packed_number(unsigned char *to, int64_t number)
{
    uint64_t bits = (uint64_t)number;
    unsigned char first_byte = 0xcc;
    int bytes;
    if (number >= 0)
        bytes = number < 128 ? 0 : number < 256 ? 1 : number < 65536 ? 2 : number <= 4294967295 ? 4 : 8;
    else {
        bytes = number >= -32 ? 0 : number >= -128 ? 1 : number >= -32768 ? 2 : number >= -2147483648LL ? 4 : 8;
        first_byte = 0xd0;
    }
    if (bytes == 0)
        *to++ = (unsigned char)bits;
    else {
        *to++ = (unsigned char)(first_byte + (bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3));
        while (bytes--)
            *to++ = (unsigned char)(bits >> 8 * bytes);
    }
    return to;
}

/* The beginning of an array, whose first byte is 0x90 with few items and otherwise 0xdc, or of a text, with 0xa0 and 0xd9. */
static unsigned char *packed_length(unsigned char *to, size_t length, unsigned char few, size_t so_few, unsigned char many)
{
    if (length <= so_few) {
        *to++ = (unsigned char)(few | length);
        return to;
    }
    int bytes = many == 0xd9 && length < 256 ? 1 : length < 65536 ? 2 : 4;
    *to++ = (unsigned char)(many == 0xd9 ? 0xd9 + (bytes >> 1) : 0xdc + (bytes >> 2));
    while (bytes--)
        *to++ = (unsigned char)(length >> 8 * bytes);
    return to;
}

/* Memory for all of it, with the names at the beginning; `to` is where they end. NULL: there is no memory, or a name is not to be written. */
static unsigned char *begin_packing(const sums *self, size_t numbers, unsigned char **to)
{
    size_t room = numbers * MOST_BYTES_OF_NUMBER + (3 + (size_t)(1 + self->keys + self->figures)) * MOST_BYTES_OF_LENGTH;
    Py_ssize_t length;
    for (size_t place = 0; place < self->names.count; place++) {
        if (PyUnicode_AsUTF8AndSize(self->names.texts[place], &length) == NULL)
            return NULL;
        room += (size_t)length + MOST_BYTES_OF_LENGTH;
    }
    unsigned char *start = PyMem_Malloc(room);
    if (start == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *to = start;
    *(*to)++ = 0x92;
    *to = packed_length(*to, self->names.count, 0x90, 15, 0xdc);
    for (size_t place = 0; place < self->names.count; place++) {
        const char *text = PyUnicode_AsUTF8AndSize(self->names.texts[place], &length);
        *to = packed_length(*to, (size_t)length, 0xa0, 31, 0xd9);
        memcpy(*to, text, (size_t)length);
        *to += length;
    }
    return start;
}

static PyObject *end_packing(unsigned char *start, const unsigned char *to)
{
    PyObject *made = PyBytes_FromStringAndSize((const char *)start, to - start);
    PyMem_Free(start);
    return made;
}

static PyObject *packed(sums *self, PyObject *nothing)
{
    (void)nothing;
    if (settle_all(self))
        return NULL;
    size_t numbers = self->count * (size_t)(self->in_parts + self->keys + self->figures);
    unsigned char *to, *start = begin_packing(self, numbers, &to);
    if (start == NULL)
        return NULL;
    to = packed_length(to, numbers, 0x90, 15, 0xdc);
    for (size_t row = 0; row < self->count; row++) {
        const int64_t *words = row_at(self, row);
        key of = key_in(words);
        if (self->in_parts)
            to = packed_number(to, part_of(of));
        for (int column = 0; column < self->keys; column++)
            to = packed_number(to, number_in(self, of, column));
        for (int n = 0; n < self->figures; n++)
            to = packed_number(to, words[2 + n]);
    }
    return end_packing(start, to);
}

typedef struct {
    uint64_t high, low;
    int32_t part;
    uint32_t row;
} sorted_row;

static int compared(const void *left, const void *right)
{
    const sorted_row *one = left, *other = right;
    if (one->high != other->high)
        return one->high < other->high ? -1 : 1;
    if (one->low != other->low)
        return one->low < other->low ? -1 : 1;
    return one->part < other->part ? -1 : one->part > other->part;
}

/* The rows by key and then by part, so that most differences are 0: each column of the keys as differences, then the figures. */
static PyObject *packed_columns(sums *self, PyObject *nothing)
{
    (void)nothing;
    if (settle_all(self))
        return NULL;
    int columns = self->keys + self->in_parts;
    unsigned char *to, *start = begin_packing(self, self->count * (size_t)(columns + self->figures), &to);
    sorted_row *sorted = start == NULL ? NULL : PyMem_Malloc((self->count + 1) * sizeof(sorted_row));
    if (sorted == NULL) {
        PyMem_Free(start);
        return start == NULL ? NULL : PyErr_NoMemory();
    }
    for (size_t row = 0; row < self->count; row++) {
        key of = key_in(row_at(self, row));
        sorted[row] = (sorted_row){of.high & 0xffffffff, of.low, part_of(of), (uint32_t)row};
    }
    qsort(sorted, self->count, sizeof(sorted_row), compared);
    to = packed_length(to, self->count ? (size_t)(columns + self->figures) : 0, 0x90, 15, 0xdc);
    for (int column = 0; self->count && column < columns + self->figures; column++) {
        int64_t before = 0;
        to = packed_length(to, self->count, 0x90, 15, 0xdc);
        for (size_t place = 0; place < self->count; place++) {
            const sorted_row *row = sorted + place;
            if (column >= columns)
                to = packed_number(to, row_at(self, row->row)[2 + column - columns]);
            else {
                int64_t number = column == self->keys ? row->part : number_in(self, (key){row->high, row->low}, column);
                to = packed_number(to, number - before);
                before = number;
            }
        }
    }
    PyMem_Free(sorted);
    return end_packing(start, to);
}

#endif
