/* Sums as plain lists: each name once, and the numbers row by row. */

#ifndef ETAPA_SUMS_LISTS
#define ETAPA_SUMS_LISTS

#include "sums_noting.h"

static int whole_number(PyObject *number, int64_t *read)
{
    if (!PyLong_Check(number)) {
        PyErr_SetString(PyExc_TypeError, "not a whole number");
        return -1;
    }
    int overflow = 0;
#if PY_VERSION_HEX >= 0x030C0000
    if (PyUnstable_Long_IsCompact((PyLongObject *)number)) {
        *read = PyUnstable_Long_CompactValue((PyLongObject *)number);
        return 0;
    }
#else
    const digit *digits = ((PyLongObject *)number)->ob_digit;
    if (Py_SIZE(number) >= 0 && Py_SIZE(number) <= 2) {
        *read = Py_SIZE(number) == 0 ? 0 : Py_SIZE(number) == 1 ? (int64_t)digits[0] : (int64_t)digits[1] << PyLong_SHIFT | digits[0];
        return 0;
    }
#endif
    *read = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow || *read > LARGEST || *read < -LARGEST) {
        PyErr_SetString(PyExc_OverflowError, "a number beyond 62 bits");
        return -1;
    }
    return 0;
}

static int number_within(PyObject *number, int64_t least, int64_t most, int64_t *read)
{
    if (whole_number(number, read))
        return -1;
    if (*read < least || *read > most) {
        PyErr_SetString(PyExc_OverflowError, "a number beyond its place in a key");
        return -1;
    }
    return 0;
}

static PyObject *rows(sums *self, PyObject *nothing)
{
    (void)nothing;
    if (settle_all(self))
        return NULL;
    size_t columns = (size_t)(self->in_parts + self->keys + self->figures);
    PyObject *all = list_of_names(&self->names), *found = PyList_New((Py_ssize_t)(self->count * columns)), *both = NULL;
    int made = all != NULL && found != NULL;
    Py_ssize_t place = 0;
    for (size_t row = 0; made && row < self->count; row++)
        for (int column = -self->in_parts; made && column < self->keys + self->figures; column++) {
            const int64_t *words = row_at(self, row);
            int64_t number = column < 0 ? part_of(key_in(words))
                : column < self->keys   ? number_in(self, key_in(words), column)
                                        : words[2 + column - self->keys];
            PyList_SET_ITEM(found, place, PyLong_FromLongLong(number));
            made = PyList_GET_ITEM(found, place++) != NULL;
        }
    if (made)
        both = PyTuple_Pack(2, all, found);
    Py_XDECREF(all);
    Py_XDECREF(found);
    return both;
}

static PyObject *load(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyList_CheckExact(arguments[0]) || !PyList_CheckExact(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "load takes a list of names and one of numbers");
        return NULL;
    }
    if (settle_noted(self))
        return NULL;
    PyObject *all = arguments[0], *numbers = arguments[1];
    Py_ssize_t columns = self->in_parts + self->keys + self->figures, length = PyList_GET_SIZE(numbers), known = PyList_GET_SIZE(all);
    if (length % columns)
        return PyErr_Format(PyExc_ValueError, "%zd numbers, which is not a multiple of %zd", length, columns);
    for (Py_ssize_t name = 0; name < known; name++)
        if (!PyUnicode_CheckExact(PyList_GET_ITEM(all, name))) {
            PyErr_SetString(PyExc_TypeError, "not a name");
            return NULL;
        }
        else if (number_of(&self->names, PyList_GET_ITEM(all, name)) < 0)
            return NULL;
    for (Py_ssize_t start = 0; start < length; start += columns) {
        int64_t part = 0, figures[MOST_FIGURES], number, most = 0;
        key of = {0, 0};
        if (self->in_parts && number_within(PyList_GET_ITEM(numbers, start), INT32_MIN, INT32_MAX, &part))
            return NULL;
        of.high = self->in_parts ? of_part((int32_t)part) : 0;
        for (int column = 0; column < self->keys; column++) {
            if (number_within(PyList_GET_ITEM(numbers, start + self->in_parts + column), is_name(self, column) ? INT64_MIN : 0,
                    is_name(self, column) ? INT64_MAX : MOST_NUMBERS, &number))
                return NULL;
            if (is_name(self, column)) {
                if (number < -1 || number >= known)
                    return PyErr_Format(PyExc_ValueError, "%zd names, but uses name number %lld", known, (long long)number);
                number = number < 0 ? 0 : number_of(&self->names, PyList_GET_ITEM(all, number));
            }
            set_column(&of, column, (unsigned)number);
        }
        for (int n = 0; n < self->figures; n++) {
            if (whole_number(PyList_GET_ITEM(numbers, start + columns - self->figures + n), figures + n))
                return NULL;
            if (without_sign(figures[n]) > most)
                most = without_sign(figures[n]);
        }
        size_t before = self->count;
        int64_t *there = figures_of(self, of);
        if (there == NULL || (self->count == before && make_room_for(self, most)))
            return NULL;
        if (self->count > before && most > self->most)
            self->most = most;
        for (int n = 0; n < self->figures; n++)
            there[n] += figures[n];
    }
    Py_RETURN_NONE;
}

#endif
