/* Sums of figures by key, as `PlainSums` in `plain_sums.py` keeps them. Where this module is not compiled, that class does it.

What the rows of `sums_rows.h` have no room for is declined with `OverflowError`, before anything changed. */

#include "sums_adding.h"
#include "sums_again.h"
#include "sums_counting.h"
#include "sums_lists.h"
#include "sums_noting.h"
#include "sums_packing.h"

static PyObject *turn(sums *self, PyObject *part)
{
    int64_t number;
    if (!self->in_parts) {
        PyErr_SetString(PyExc_TypeError, "these sums are not in parts");
        return NULL;
    }
    if (number_within(part, INT32_MIN, INT32_MAX, &number))
        return NULL;
    self->part = (int32_t)number;
    Py_RETURN_NONE;
}

static PyObject *add(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyTuple_CheckExact(arguments[0]) || PyTuple_GET_SIZE(arguments[0]) != self->keys || !PyTuple_CheckExact(arguments[1])
        || PyTuple_GET_SIZE(arguments[1]) != self->figures) {
        PyErr_SetString(PyExc_TypeError, "add takes a key and its figures");
        return NULL;
    }
    PyObject *const *columns = ((PyTupleObject *)arguments[0])->ob_item, *const *figures = ((PyTupleObject *)arguments[1])->ob_item;
    int64_t numbers[MOST_FIGURES], most = 0;
    for (int n = 0; n < self->figures; n++) {
        if (whole_number(figures[n], numbers + n))
            return NULL;
        if (without_sign(numbers[n]) > most)
            most = without_sign(numbers[n]);
    }
    int64_t number = 0;
    if (self->named < self->keys && number_within(columns[self->named], 0, MOST_NUMBERS, &number))
        return NULL;
    int64_t *there = settle_noted(self) || make_room_for(self, most) ? NULL : counted_at(self, columns, self->named, (unsigned)number);
    if (there == NULL)
        return NULL;
    for (int n = 0; n < self->figures; n++)
        there[n] += numbers[n];
    Py_RETURN_NONE;
}

/* As `bucket_of` in `stays.py`. */
static unsigned bucket_of(int64_t stay)
{
    if (stay < 16)
        return stay < 0 ? 0 : (unsigned)stay;
    int halved = 0;
    for (int step = 32; step > 0; step /= 2)
        if (stay >> halved >= (int64_t)16 << step) {
            halved += step;
        }
    return (unsigned)(halved * 16 + (stay >> halved));
}

/* A move, and in other sums the stay before it. 0: it is counted. */
static int count_move(sums *self, PyObject *const *arguments)
{
    if (self->keys != 5 || self->named != 5 || self->figures != 3 || !Py_IS_TYPE(arguments[0], &sums_type)) {
        PyErr_SetString(PyExc_TypeError, "a move has sums of stays, persona, source, to, cause, rule, the stay or none, and 1 if it is the first in that stage");
        return -1;
    }
    sums *stays = (sums *)arguments[0];
    int64_t stay = 0, first;
    if (stays->keys != 4 || stays->named != 3 || stays->figures != 1) {
        PyErr_SetString(PyExc_TypeError, "sums of stays have another shape");
        return -1;
    }
    if ((arguments[6] != Py_None && whole_number(arguments[6], &stay)) || number_within(arguments[7], 0, 1, &first)
        || make_room_for(self, without_sign(stay) + 1) || (arguments[6] != Py_None && make_room_for(stays, 1)))
        return -1;
    int64_t *there = arguments[6] == Py_None ? NULL : counted_at(stays, arguments + 1, 3, bucket_of(stay));
    if (there == NULL && arguments[6] != Py_None)
        return -1;
    int64_t *figures = counted_at(self, arguments + 1, 5, 0);
    if (figures == NULL)
        return -1;
    if (there != NULL)
        ++*there;
    figures[0]++;
    figures[1] += stay;
    figures[2] += first;
    return 0;
}

/* A move, and in further sums what it means there, if a tuple of tables, keys and figures has nothing but their table. Whether it has. */
static PyObject *moved(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 11 || !Py_IS_TYPE(arguments[8], &sums_type) || !PyTuple_CheckExact(arguments[10])) {
        PyErr_SetString(PyExc_TypeError, "moved takes a move, other sums, their table, and a tuple of tables, keys and figures");
        return NULL;
    }
    sums *others = (sums *)arguments[8];
    struct again read, *found;
    int is_read = settle_noted(others) ? -1 : found_again(others, arguments[10], arguments[9], &read, &found);
    if (is_read < 0 || (is_read && make_room_for(others, found->most)) || count_move(self, arguments) || (is_read && add_again(others, found)))
        return NULL;
    return PyBool_FromLong(is_read);
}

/* Whether anything was counted; loose rows stay so, and notes, which there are only beside rows. */
static PyObject *has_any(sums *self, PyObject *nothing)
{
    (void)nothing;
    return PyBool_FromLong(self->count > 0);
}

static PyObject *empty(sums *self, PyObject *nothing)
{
    (void)nothing;
    sums *made = (sums *)sums_type.tp_alloc(&sums_type, 0);
    if (made != NULL) {
        made->keys = self->keys;
        made->named = self->named;
        made->figures = self->figures;
        made->in_parts = self->in_parts;
    }
    return (PyObject *)made;
}

static Py_ssize_t length(PyObject *self)
{
    return settle_all((sums *)self) ? -1 : (Py_ssize_t)((sums *)self)->count;
}

static PyObject *new(PyTypeObject *type, PyObject *arguments, PyObject *named)
{
    int keys, figures, numbered, in_parts;
    if (named != NULL && PyDict_GET_SIZE(named)) {
        PyErr_SetString(PyExc_TypeError, "sums take no named arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "iiip", &keys, &figures, &numbered, &in_parts))
        return NULL;
    if (keys < 1 || keys > MOST_COLUMNS || figures < 1 || figures > MOST_FIGURES || numbered < 0 || numbered > 1) {
        PyErr_SetString(PyExc_ValueError, "sums have one to six columns, of which the last may hold numbers, and one to eight figures");
        return NULL;
    }
    sums *made = (sums *)type->tp_alloc(type, 0);
    if (made != NULL) {
        made->keys = keys;
        made->figures = figures;
        made->named = keys - numbered;
        made->in_parts = in_parts;
    }
    return (PyObject *)made;
}

static void dealloc(PyObject *object)
{
    sums *self = (sums *)object;
    free_noted(self);
    free_counting(self->counting);
    free_again(self->again);
    PyMem_Free(self->rows);
    PyMem_Free(self->index);
    free_names(&self->names);
    Py_TYPE(object)->tp_free(object);
}

static PyMethodDef methods[] = {
    {"turn", (PyCFunction)turn, METH_O, "Count in this part from now on."},
    {"touch", (PyCFunction)(void (*)(void))touch, METH_FASTCALL, "Count a touchpoint by its segment, type and channel."},
    {"add", (PyCFunction)(void (*)(void))add, METH_FASTCALL, "Add figures to those of a key."},
    {"offered", (PyCFunction)(void (*)(void))offered, METH_FASTCALL, "Count an offer by persona, campaign and outcome."},
    {"moved", (PyCFunction)(void (*)(void))moved, METH_FASTCALL, "Count a move, the stay before it, and what it means in other sums."},
    {"add_all", (PyCFunction)(void (*)(void))add_all, METH_FASTCALL, "Add all figures of other sums."},
    {"spread", (PyCFunction)(void (*)(void))spread, METH_FASTCALL, "Add the figures of each part to the sums at its place."},
    {"rows_by_place", (PyCFunction)(void (*)(void))rows_by_place, METH_FASTCALL, "How many rows go to each place."},
    {"has_any", (PyCFunction)has_any, METH_NOARGS, "Whether there are any figures."},
    {"rows", (PyCFunction)rows, METH_NOARGS, "Each name once, and all rows with numbers for names."},
    {"packed", (PyCFunction)packed, METH_NOARGS, "The same in MessagePack."},
    {"packed_columns", (PyCFunction)packed_columns, METH_NOARGS, "The same by columns, in order, and the keys as differences."},
    {"names", (PyCFunction)names_in, METH_O, "How many names a column has."},
    {"all_names", (PyCFunction)all_names, METH_NOARGS, "How many names there are in all columns."},
    {"empty", (PyCFunction)empty, METH_NOARGS, "New sums with the same columns."},
    {"load", (PyCFunction)(void (*)(void))load, METH_FASTCALL, "Add rows with numbers for names."},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods as_sequence = {.sq_length = length};

static PyTypeObject sums_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "etapa.journey.ledger.quick_sums.QuickSums",
    .tp_basicsize = sizeof(sums),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Sums of figures by key.",
    .tp_new = new,
    .tp_dealloc = dealloc,
    .tp_methods = methods,
    .tp_as_sequence = &as_sequence,
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "etapa.journey.ledger.quick_sums", "Sums of figures by key.", -1, NULL, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_quick_sums(void)
{
    if (PyType_Ready(&sums_type) < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && PyModule_AddObjectRef(module, "QuickSums", (PyObject *)&sums_type) < 0)
        Py_CLEAR(module);
    return module;
}
