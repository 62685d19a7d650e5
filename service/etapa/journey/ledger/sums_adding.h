/* Sums that are added to others: all of them, or each part to sums of its own. */

#ifndef ETAPA_SUMS_ADDING
#define ETAPA_SUMS_ADDING

#include "sums_lists.h"
#include "sums_rows.h"

static PyTypeObject sums_type;

static int have_the_same_columns(const sums *one, const sums *other)
{
    return one != other && one->keys == other->keys && one->figures == other->figures && one->named == other->named;
}

/* Makes sure that `more` can be added, which may grow each figure by up to `most`. */
static int make_room_for_all(sums *self, const sums *more, int64_t most)
{
    if (self->names.count + more->names.count > MOST_NUMBERS) {
        PyErr_SetString(PyExc_OverflowError, "perhaps more names than numbers of 16 bits");
        return -1;
    }
    return make_room_for(self, most);
}

/* `numbers`: those in `self` of the names of `from`, as far as they are known; 0: not yet. */
static int add_row(sums *self, const sums *from, const int64_t *row, int32_t part, uint16_t *numbers)
{
    key theirs = key_in(row), of = {of_part(part), 0};
    for (int column = 0; column < self->keys; column++) {
        unsigned number = column_of(theirs, column);
        if (number && is_name(self, column)) {
            if (!numbers[number]) {
                int found = number_of(&self->names, from->names.texts[number - 1]);
                if (found < 0)
                    return -1;
                numbers[number] = (uint16_t)found;
            }
            number = numbers[number];
        }
        set_column(&of, column, number);
    }
    int64_t *there = figures_of(self, of);
    if (there == NULL)
        return -1;
    for (int n = 0; n < self->figures; n++)
        there[n] += row[2 + n];
    return 0;
}

static uint16_t *no_numbers(const sums *from)
{
    uint16_t *numbers = PyMem_Calloc(from->names.count + 1, sizeof(uint16_t));
    if (numbers == NULL)
        PyErr_NoMemory();
    return numbers;
}

/* The part in which to add: `told` is a number if `self` is in parts, else none. */
static int read_part(const sums *self, PyObject *told, int64_t *part)
{
    *part = 0;
    if (self->in_parts == (told == Py_None)) {
        PyErr_SetString(PyExc_TypeError, "a part is told if and only if sums are in parts");
        return -1;
    }
    return self->in_parts ? number_within(told, INT32_MIN, INT32_MAX, part) : 0;
}

static PyObject *add_all(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !Py_IS_TYPE(arguments[0], &sums_type) || !have_the_same_columns(self, (sums *)arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "add_all takes other sums with the same columns, and a part or none");
        return NULL;
    }
    sums *other = (sums *)arguments[0];
    int64_t part;
    if (settle_noted(self) || settle_noted(other))
        return NULL;
    /* Several parts may have the same key. */
    if (read_part(self, arguments[1], &part) || make_room_for_all(self, other, other->in_parts ? most_together(other) : other->most))
        return NULL;
    uint16_t *numbers = no_numbers(other);
    int failed = numbers == NULL;
    for (size_t row = 0; !failed && row < other->count; row++)
        failed = add_row(self, other, row_at(other, row), (int32_t)part, numbers);
    PyMem_Free(numbers);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

/* The number of the place of a part; `none` if it has no place. -1: what is told is no such number. */
static Py_ssize_t place_of(PyObject *where, int32_t part, Py_ssize_t none)
{
    PyObject *number = PyLong_FromLong(part), *told = number == NULL ? NULL : PyDict_GetItemWithError(where, number);
    Py_XDECREF(number);
    Py_ssize_t place = told != NULL ? PyLong_AsSsize_t(told) : PyErr_Occurred() ? -1 : none;
    if (!PyErr_Occurred() && (place < 0 || place > none))
        PyErr_SetString(PyExc_ValueError, "there is no such place");
    return PyErr_Occurred() ? -1 : place;
}

/* The sums at a place; NULL if nothing goes there. -1: that is no such place. */
static int target_of(const sums *self, PyObject *told, sums **target, int64_t *part)
{
    *target = NULL;
    if (told == Py_None)
        return 0;
    if (!PyTuple_CheckExact(told) || PyTuple_GET_SIZE(told) != 2 || !Py_IS_TYPE(PyTuple_GET_ITEM(told, 0), &sums_type)
        || !have_the_same_columns(self, (sums *)PyTuple_GET_ITEM(told, 0))) {
        PyErr_SetString(PyExc_TypeError, "rows go to other sums with the same columns, and there to a part or none");
        return -1;
    }
    *target = (sums *)PyTuple_GET_ITEM(told, 0);
    return settle_noted(*target) ? -1 : read_part(*target, PyTuple_GET_ITEM(told, 1), part);
}

static int begins_part(const sums *self, size_t row)
{
    return row == 0 || part_of(key_in(row_at(self, row))) != part_of(key_in(row_at(self, row - 1)));
}

/* `where`: the number of a place by part; `places`: the sums and the part of theirs to which to add what is counted there, or none. */
static PyObject *spread(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyDict_CheckExact(arguments[0]) || !PyList_CheckExact(arguments[1]) || !self->in_parts) {
        PyErr_SetString(PyExc_TypeError, "sums in parts are spread, with numbers of places by part, and the places");
        return NULL;
    }
    if (settle_noted(self))
        return NULL;
    PyObject *where = arguments[0], *places = arguments[1];
    sums *target = NULL, *before = NULL;
    int64_t part = 0, most = most_together(self);
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(places); at++) {
        if (target_of(self, PyList_GET_ITEM(places, at), &target, &part)
            || (target != NULL && target != before && make_room_for_all(target, self, most)))
            return NULL;
        before = target == NULL ? before : target;
    }
    uint16_t *numbers = no_numbers(self);
    int failed = numbers == NULL;
    target = before = NULL;
    for (size_t row = 0; !failed && row < self->count; row++) {
        if (begins_part(self, row)) {
            Py_ssize_t place = place_of(where, part_of(key_in(row_at(self, row))), PyList_GET_SIZE(places));
            failed = place < 0;
            target = NULL;
            if (place >= 0 && place < PyList_GET_SIZE(places))
                failed = target_of(self, PyList_GET_ITEM(places, place), &target, &part);
            if (target != NULL && target != before) {
                memset(numbers, 0, (self->names.count + 1) * sizeof(uint16_t));
                before = target;
            }
        }
        if (!failed && target != NULL)
            failed = add_row(target, self, row_at(self, row), (int32_t)part, numbers);
    }
    PyMem_Free(numbers);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

/* How many rows go to each place, each loose one counted by itself. */
static PyObject *rows_by_place(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyDict_CheckExact(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "rows_by_place takes the numbers of places by part, and how many there are");
        return NULL;
    }
    Py_ssize_t places = settle_noted(self) ? -1 : PyLong_AsSsize_t(arguments[1]), place = 0;
    size_t *rows = places < 0 ? NULL : PyMem_Calloc((size_t)places + 1, sizeof(size_t));
    if (rows == NULL)
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    for (size_t row = 0; place >= 0 && row < self->count; row++) {
        if (begins_part(self, row))
            place = place_of(arguments[0], part_of(key_in(row_at(self, row))), places);
        if (place >= 0)
            rows[place]++;
    }
    PyObject *found = place < 0 ? NULL : PyList_New(places);
    for (Py_ssize_t at = 0; found != NULL && at < places; at++) {
        PyObject *number = PyLong_FromSize_t(rows[at]);
        if (number == NULL)
            Py_CLEAR(found);
        else
            PyList_SET_ITEM(found, at, number);
    }
    PyMem_Free(rows);
    return found;
}

/* How many names the column has, none included. */
static PyObject *names_in(sums *self, PyObject *number)
{
    long column = settle_noted(self) ? -1 : PyLong_AsLong(number);
    if (column < 0 || column >= self->keys || !is_name(self, (int)column)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "there are no names in that column");
        return NULL;
    }
    uint16_t *met = no_numbers(self);
    size_t found = 0;
    for (size_t row = 0; met != NULL && row < self->count; row++) {
        unsigned name = column_of(key_in(row_at(self, row)), (int)column);
        found += !met[name];
        met[name] = 1;
    }
    if (met == NULL)
        return NULL;
    PyMem_Free(met);
    return PyLong_FromSize_t(found);
}

static PyObject *all_names(sums *self, PyObject *nothing)
{
    (void)nothing;
    return settle_noted(self) ? NULL : PyLong_FromSize_t(self->names.count);
}

#endif
