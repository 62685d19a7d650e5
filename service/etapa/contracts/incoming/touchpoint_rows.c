/* Touchpoints that were read and not yet judged, as rows of one array: their objects are made one by one, when they are needed.

   A batch holds thousands of them for a while. As objects, each takes a dozen cache lines, which are gone from the cache by the time
   that it is judged, and again when it is freed. A row takes one line, beside the bytes that it was read from. What is not written as
   usual has a row, too, which says no more than that: see `usual_touchpoint.h`. */

#include "touchpoint_row.h"

typedef struct {
    PyObject_HEAD
    PyObject *usual, *wanted;
    row *rows;
    Py_ssize_t count, room, odd;
} rows_object;

#define AHEAD 6 /* Rows: about as many touchpoints are judged while the memory answers. */
#define LINE 64

static PyObject *new_rows(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    PyObject *usual, *wanted;
    Py_ssize_t room;
    if (names != NULL || !PyArg_ParseTuple(arguments, "SOn", &usual, &wanted, &room))
        return NULL;
    if (PyBytes_GET_SIZE(usual) != 128 || !(wanted == Py_None || PyTuple_CheckExact(wanted)) || room < 0) {
        PyErr_SetString(PyExc_TypeError, "TouchpointRows takes 128 bytes, a tuple of names or none, and a number of rows");
        return NULL;
    }
    rows_object *made = (rows_object *)type->tp_alloc(type, 0);
    if (made == NULL)
        return NULL;
    made->usual = Py_NewRef(usual);
    made->wanted = Py_NewRef(wanted);
    made->room = room;
    made->rows = PyMem_New(row, (size_t)(room ? room : 1));
    if (made->rows == NULL) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    return (PyObject *)made;
}

static void free_rows(rows_object *self)
{
    for (Py_ssize_t position = 0; position < self->count; position++)
        give_up(&self->rows[position]);
    PyMem_Free(self->rows);
    Py_DECREF(self->usual);
    Py_DECREF(self->wanted);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static row *next_row(rows_object *self)
{
    if (self->count >= self->room) {
        PyErr_Format(PyExc_IndexError, "there is room for %zd rows", self->room);
        return NULL;
    }
    return &self->rows[self->count];
}

static PyObject *add(rows_object *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 4 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "add takes a value, a key, and the latest and the earliest time");
        return NULL;
    }
    int64_t latest = PyLong_AsLongLong(arguments[2]), earliest = PyLong_AsLongLong(arguments[3]);
    row *next = next_row(self);
    if (next == NULL || PyErr_Occurred())
        return NULL;
    place start = (place)PyBytes_AS_STRING(arguments[0]);
    Py_ssize_t length = PyBytes_GET_SIZE(arguments[0]);
    text key = {(place)PyBytes_AS_STRING(arguments[1]), PyBytes_GET_SIZE(arguments[1])};
    touchpoint read = {0};
    int is_usual = length <= LONGEST && read_touchpoint(start, length, key, PyBytes_AS_STRING(self->usual), &read) && read.at <= latest
        && read.at >= earliest;
    if (is_usual) {
        if (keep_row(next, arguments[0], start, length, &read) < 0)
            return NULL;
        self->count++;
    }
    return PyBool_FromLong(is_usual);
}

/* Where a record lies in its batch: offset, microseconds, and beginnings and lengths of key and value; a length of -1: there is none. */
enum { OFFSET, MICROSECONDS, KEY, KEY_LENGTH, VALUE, VALUE_LENGTH, NUMBERS };

static int lies_within(const int64_t *span, Py_ssize_t size)
{
    return span[0] >= 0 && span[1] >= 0 && span[0] <= size && span[1] <= size - span[0];
}

static PyObject *add_all(rows_object *self, PyObject *arguments)
{
    PyObject *content, *places;
    Py_ssize_t start, stop;
    long long wall, max_ahead, earliest, longest, room;
    if (!PyArg_ParseTuple(arguments, "SSnn(LLL)(LL)", &content, &places, &start, &stop, &wall, &max_ahead, &earliest, &longest, &room))
        return NULL;
    if (start < 0 || stop > PyBytes_GET_SIZE(places) / (Py_ssize_t)(NUMBERS * sizeof(int64_t)) || stop - start > self->room - self->count)
        return PyErr_Format(PyExc_IndexError, "there are no places %zd to %zd, or no room for so many", start, stop);
    place bytes = (place)PyBytes_AS_STRING(content);
    Py_ssize_t size = PyBytes_GET_SIZE(content), number = start;
    for (; number < stop && room > 0; number++) {
        int64_t at[NUMBERS];
        memcpy(at, PyBytes_AS_STRING(places) + (size_t)number * sizeof at, sizeof at);
        touchpoint read = {0};
        if (!lies_within(&at[KEY], size) || !lies_within(&at[VALUE], size) || at[VALUE_LENGTH] > longest || at[VALUE_LENGTH] > LONGEST
            || !read_touchpoint(bytes + at[VALUE], at[VALUE_LENGTH], (text){bytes + at[KEY], at[KEY_LENGTH]}, PyBytes_AS_STRING(self->usual),
                                &read)
            || read.at > (at[MICROSECONDS] > wall ? at[MICROSECONDS] : wall) + max_ahead || read.at < earliest)
            break;
        if (keep_row(&self->rows[self->count], content, bytes + at[VALUE], at[VALUE_LENGTH], &read) < 0)
            return NULL;
        self->count++;
        room -= at[KEY_LENGTH] + at[VALUE_LENGTH];
    }
    return PyLong_FromSsize_t(number - start);
}

static PyObject *leave_out(rows_object *self, PyObject *nothing)
{
    row *next = next_row(self);
    if (next == NULL)
        return NULL;
    *next = (row){0};
    self->count++;
    self->odd++;
    Py_RETURN_NONE;
}

static PyObject *fields(rows_object *self, PyObject *const *arguments, Py_ssize_t count)
{
    Py_ssize_t position = count == 2 ? PyLong_AsSsize_t(arguments[0]) : -1;
    if (position < 0 || position >= self->count || self->rows[position].owner == NULL) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_IndexError, "fields takes the number of a row with a touchpoint, and its customer or none");
        return NULL;
    }
    const row *told = &self->rows[position];
    if (position + AHEAD < self->count && told[AHEAD].owner != NULL)
        for (Py_ssize_t ahead = 0; ahead < told[AHEAD].length; ahead += LINE)
            __builtin_prefetch(told[AHEAD].value + ahead);
    place start = told->value;
    PyObject *customer = arguments[1] == Py_None ? text_object((text){start + told->customer, told->customer_length})
                                                 : Py_NewRef(arguments[1]);
    return fields_object(text_object((text){start + told->id, told->id_length}), customer, Py_NewRef(told->type), told->at,
                         Py_NewRef(told->channel == NULL ? Py_None : told->channel), told->properties ? start + told->properties : NULL,
                         told->traits ? start + told->traits : NULL, start + told->length, self->wanted);
}

/* The rows from one position to before another, in bounds. */
static int range_of(rows_object *self, PyObject *start, PyObject *stop, Py_ssize_t range[2])
{
    range[0] = PyLong_AsSsize_t(start);
    range[1] = PyLong_AsSsize_t(stop);
    if (PyErr_Occurred())
        return -1;
    if (range[0] < 0 || range[1] > self->count || range[0] > range[1]) {
        PyErr_Format(PyExc_IndexError, "there are %zd rows", self->count);
        return -1;
    }
    return 0;
}

static PyObject *latest(rows_object *self, PyObject *const *arguments, Py_ssize_t count)
{
    Py_ssize_t range[2];
    if (count != 2 || range_of(self, arguments[0], arguments[1], range) < 0)
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "latest takes two positions");
    const row *found = NULL;
    for (const row *one = self->rows + range[0]; one < self->rows + range[1]; one++)
        if (one->owner != NULL && (found == NULL || one->at > found->at))
            found = one;
    if (found == NULL)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(found->at);
}

static PyObject *first_from(rows_object *self, PyObject *const *arguments, Py_ssize_t count)
{
    Py_ssize_t range[2];
    if (count != 3 || range_of(self, arguments[1], arguments[2], range) < 0)
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "first_from takes a time and two positions");
    int64_t bound = PyLong_AsLongLong(arguments[0]);
    if (PyErr_Occurred())
        return NULL;
    Py_ssize_t position = range[0];
    while (position < range[1] && (self->rows[position].owner == NULL || self->rows[position].at < bound))
        position++;
    return PyLong_FromSsize_t(position);
}

static PyObject *look_up(rows_object *self, PyObject *const *arguments, Py_ssize_t count)
{
    Py_ssize_t range[2];
    if (count != 3 || !PyDict_CheckExact(arguments[0]) || range_of(self, arguments[1], arguments[2], range) < 0)
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "look_up takes a dictionary and two positions");
    PyObject *found = PyList_New(range[1] - range[0]), *missing = PyList_New(0);
    int is_done = found != NULL && missing != NULL;
    for (Py_ssize_t position = range[0]; is_done && position < range[1]; position++) {
        const row *one = &self->rows[position];
        PyObject *there = NULL;
        if (position + AHEAD < range[1] && one[AHEAD].owner != NULL)
            __builtin_prefetch(one[AHEAD].value + one[AHEAD].customer);
        if (one->owner != NULL) {
            PyObject *customer_id = text_object((text){one->value + one->customer, one->customer_length});
            there = customer_id == NULL ? NULL : PyDict_GetItemWithError(arguments[0], customer_id);
            is_done = there != NULL || (!PyErr_Occurred() && PyList_Append(missing, customer_id) == 0);
            Py_XDECREF(customer_id);
        }
        PyList_SET_ITEM(found, position - range[0], Py_NewRef(there == NULL ? Py_None : there));
    }
    PyObject *both = is_done ? PyTuple_Pack(2, found, missing) : NULL;
    Py_XDECREF(found);
    Py_XDECREF(missing);
    return both;
}

static PyObject *give_up_first(rows_object *self, PyObject *stop)
{
    Py_ssize_t range[2];
    PyObject *start = PyLong_FromLong(0);
    if (start == NULL || range_of(self, start, stop, range) < 0) {
        Py_XDECREF(start);
        return NULL;
    }
    Py_DECREF(start);
    for (Py_ssize_t position = 0; position < range[1]; position++)
        give_up(&self->rows[position]);
    Py_RETURN_NONE;
}

static PyObject *odd(rows_object *self, void *nothing)
{
    return PyLong_FromSsize_t(self->odd);
}

static Py_ssize_t length_of(rows_object *self)
{
    return self->count;
}

#define METHOD(name, flags, says) {#name, (PyCFunction)(void (*)(void))name, flags, PyDoc_STR(says)}

static PyMethodDef methods[] = {
    METHOD(add, METH_FASTCALL, "Whether the touchpoint in a value is as usual, has this key and lies within two times; then it is the next row."),
    METHOD(add_all, METH_VARARGS, "How many records of a batch, up to the first that is not as usual, or after some bytes, are the next rows."),
    METHOD(leave_out, METH_NOARGS, "Let the next row be none."),
    METHOD(fields, METH_FASTCALL, "The fields of the touchpoint in a row, as `read_quickly` gives them; instead of its customer id the customer given, if there is one."),
    METHOD(latest, METH_FASTCALL, "The latest time in the rows from one position to before another; None: no row holds a touchpoint."),
    METHOD(first_from, METH_FASTCALL, "The first position of a touchpoint at or after a time, within two positions, or the second of them."),
    METHOD(look_up, METH_FASTCALL, "What a dictionary has for the customers of rows, each, and the ids of those for whom it has nothing."),
    METHOD(give_up_first, METH_O, "Keep the first rows no longer."),
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {{"odd", (getter)odd, NULL, PyDoc_STR("How many rows were left out."), NULL}, {NULL, NULL, NULL, NULL, NULL}};
static PySequenceMethods as_sequence = {.sq_length = (lenfunc)length_of};

static PyTypeObject rows_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "etapa.contracts.incoming.touchpoint_rows.TouchpointRows",
    .tp_doc = PyDoc_STR("See touchpoint_rows.c. Made for 128 beginnings of customer ids, names of properties or none, and a number of rows."),
    .tp_basicsize = sizeof(rows_object),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = new_rows,
    .tp_dealloc = (destructor)free_rows,
    .tp_methods = methods,
    .tp_getset = attributes,
    .tp_as_sequence = &as_sequence,
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "touchpoint_rows", "See touchpoint_rows.c.", -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_touchpoint_rows(void)
{
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddType(made, &rows_type) < 0)
        Py_CLEAR(made);
    return made;
}
