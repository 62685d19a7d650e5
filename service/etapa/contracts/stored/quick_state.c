/* Writes customers' states one after the other into one buffer, in the form in which Redis' script takes them, and notes in others what it
   takes besides. What is unusual about a customer is left to Python (see `state_fields.h`).

   A customer is cold when its turn comes: dozens of lines of memory, each of which would be waited for. So customers are kept in a queue for
   a few turns before they are written, and at each turn the memory that is needed at the next is asked for. */

#include "state_fields.h"

#define QUEUE 5
/* Arguments of `add` before and after those of a state. */
enum before { CUSTOMER, IS_USUAL, ID, BEFORE_VALUES };
enum after { MOVED = BEFORE_VALUES + VALUES, RESCHEDULED, ARGUMENTS };

enum list { STATES, STAGES, TIMERS, UNTIMED, LISTS };

typedef struct {
    PyObject_HEAD
    PyObject *format, *spell, *common, *numbers, *customers;
    Py_ssize_t next, taken, written;
    struct buffer lists[LISTS];
    Py_ssize_t sizes[LISTS];
    PyObject *queue[QUEUE][ARGUMENTS];
    struct kinds kinds;
} Writer;

/* A list without its head: how many texts, and these. */
static int write_pair(Writer *self, enum list list, PyObject *first, PyObject *second)
{
    self->sizes[list] += 1 + (second != NULL);
    return write_text(&self->lists[list], first) && (second == NULL || write_text(&self->lists[list], second));
}

static int write_timer(Writer *self, int64_t due, PyObject *id)
{
    char digits[24];
    int size = PyOS_snprintf(digits, sizeof digits, "%lld", (long long)due);
    self->sizes[TIMERS] += 2;
    return write_text_head(&self->lists[TIMERS], size) && write_bytes(&self->lists[TIMERS], digits, size) && write_text(&self->lists[TIMERS], id);
}

/* The size of a text that begins at `at`, in the four bytes before it. */
static void put_size(struct buffer *to, size_t at)
{
    size_t size = to->length - at;
    for (int byte = 1; byte <= 4; byte++, size >>= 8)
        to->bytes[at - (size_t)byte] = (unsigned char)size;
}

static int begin_text(struct buffer *to)
{
    return has_room(to, 5) && (put_number(to, 0xdb, 0, 4), 1);
}

/* A text whose size takes four bytes, whatever it is: states are read without looking at the first of them. */
static int write_long_text(struct buffer *to, PyObject *text)
{
    PyObject *encoded = PyUnicode_IS_ASCII(text) ? NULL : PyUnicode_AsUTF8String(text);
    if (!begin_text(to) || (encoded == NULL && !PyUnicode_IS_ASCII(text)))
        return 0;
    size_t at = to->length;
    int is_done = encoded == NULL ? write_bytes(to, (const char *)PyUnicode_1BYTE_DATA(text), PyUnicode_GET_LENGTH(text))
                                  : write_bytes(to, PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded));
    Py_XDECREF(encoded);
    put_size(to, at);
    return is_done;
}

static int spell_out(Writer *self, PyObject *customer)
{
    PyObject *told = PyObject_CallFunctionObjArgs(self->spell, customer, self->common, NULL);
    int is_done = told != NULL && PyBytes_CheckExact(told) && write_bytes(&self->lists[STATES], PyBytes_AS_STRING(told), PyBytes_GET_SIZE(told));
    Py_XDECREF(told);
    return is_done;
}

/* 0: an error is set. */
static int write_one(Writer *self, PyObject *const *of)
{
    struct buffer *to = &self->lists[STATES];
    PyObject *const *values = of + BEFORE_VALUES;
    int64_t due = 0;
    if (!PyUnicode_Check(of[ID]) || !PyUnicode_Check(values[STAGE]) || (values[DUE] != Py_None && !integer_of(values[DUE], &due)))
        return PyErr_Format(PyExc_TypeError, "not an id, a stage or a time"), 0;
    if (!write_long_text(to, of[ID]) || !begin_text(to))
        return 0;
    size_t at = to->length;
    if (of[IS_USUAL] != Py_True || !write_state(to, values, self->format, self->numbers, &self->kinds)) {
        /* What cannot be encoded fails again where it is spelled out, which says why. */
        if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
            return 0;
        PyErr_Clear();
        to->length = at;
        if (!spell_out(self, of[CUSTOMER]))
            return 0;
    }
    put_size(to, at);
    self->sizes[STATES] += 2;
    if (of[MOVED] == Py_True && !write_pair(self, STAGES, of[ID], values[STAGE]))
        return 0;
    return of[RESCHEDULED] != Py_True || (values[DUE] == Py_None ? write_pair(self, UNTIMED, of[ID], NULL) : write_timer(self, due, of[ID]));
}

static PyObject *value_of(PyObject *const *customer, enum value value)
{
    return customer[BEFORE_VALUES + value];
}

/* Of an entry of a memory: first itself, then its items' places, then these. */
static void ask_for_entry(PyObject *entry, Py_ssize_t layer)
{
    if (layer == 0)
        ask_for(entry);
    else if (layer == 1)
        ask_for_items(entry);
    else if (PyList_CheckExact(entry))
        for (Py_ssize_t place = 0; place < PyList_GET_SIZE(entry); place++)
            ask_for(PyList_GET_ITEM(entry, place));
}

/* Of a customer in the queue: what its values are made of, turn by turn one layer deeper. */
static void ask_for_more(PyObject *const *of, const struct kinds *kinds, Py_ssize_t turn)
{
    static const enum value layered[] = {MEMORY, RECENT, TOLD, OUTREACH};
    PyObject *memory = value_of(of, MEMORY);
    if (turn == 1)
        for (size_t each = 0; each < sizeof layered / sizeof *layered; each++)
            ask_for_items(value_of(of, layered[each]));
    for (Py_ssize_t place = 0; turn > 1 && PyList_CheckExact(memory) && place < PyList_GET_SIZE(memory); place++)
        ask_for_entry(PyList_GET_ITEM(memory, place), turn - 2);
    if (turn > 1)
        ask_for_struct(value_of(of, OUTREACH), kinds, turn - 2);
}

/* Of customers who are not in it yet: themselves, and then their values. */
static void ask_for_next(Writer *self)
{
    Py_ssize_t size = PyList_GET_SIZE(self->customers), next = self->next;
    if (next + 2 < size)
        ask_for_bytes(PyList_GET_ITEM(self->customers, next + 2), Py_TYPE(PyList_GET_ITEM(self->customers, next))->tp_basicsize);
    if (next + 1 < size)
        ask_for_targets(PyList_GET_ITEM(self->customers, next + 1));
}

static void leave_queue(PyObject **of)
{
    for (int place = 0; place < ARGUMENTS; place++)
        Py_CLEAR(of[place]);
}

static int write_next(Writer *self)
{
    PyObject **of = self->queue[self->written++ % QUEUE];
    int is_done = write_one(self, of);
    leave_queue(of);
    return is_done;
}

static PyObject *start(Writer *self, PyObject *arguments)
{
    PyObject *customers, *common, *numbers;
    Py_ssize_t next;
    if (!PyArg_ParseTuple(arguments, "O!nOO!", &PyList_Type, &customers, &next, &common, &PyDict_Type, &numbers))
        return NULL;
    for (int place = 0; place < QUEUE; place++)
        leave_queue(self->queue[place]);
    for (int list = 0; list < LISTS; list++)
        self->lists[list].length = 0, self->sizes[list] = 0;
    Py_XSETREF(self->customers, Py_NewRef(customers));
    Py_XSETREF(self->common, Py_NewRef(common));
    Py_XSETREF(self->numbers, Py_NewRef(numbers));
    self->next = next;
    self->taken = self->written = 0;
    Py_RETURN_NONE;
}

static PyObject *add(Writer *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != ARGUMENTS)
        return PyErr_Format(PyExc_TypeError, "add takes %d arguments, not %zd", ARGUMENTS, count);
    if (self->customers == NULL)
        return PyErr_Format(PyExc_ValueError, "add comes after start");
    ask_for_next(self);
    for (Py_ssize_t turn = 1; turn < QUEUE && turn <= self->taken - self->written; turn++)
        ask_for_more(self->queue[(self->taken - turn) % QUEUE], &self->kinds, turn);
    if (self->taken - self->written == QUEUE && !write_next(self))
        return NULL;
    PyObject **of = self->queue[self->taken++ % QUEUE];
    for (int place = 0; place < ARGUMENTS; place++)
        of[place] = Py_NewRef(arguments[place]);
    self->next++;
    Py_RETURN_NONE;
}

static PyObject *finish(Writer *self, PyObject *nothing)
{
    (void)nothing;
    while (self->written < self->taken)
        if (!write_next(self))
            return NULL;
    PyObject *told = PyTuple_New(2 * LISTS);
    for (int list = 0; told != NULL && list < LISTS; list++) {
        PyObject *size = PyLong_FromSsize_t(self->sizes[list]);
        PyObject *bytes = PyBytes_FromStringAndSize((const char *)self->lists[list].bytes, (Py_ssize_t)self->lists[list].length);
        PyTuple_SET_ITEM(told, 2 * list, size);
        PyTuple_SET_ITEM(told, 2 * list + 1, bytes);
        if (size == NULL || bytes == NULL)
            Py_CLEAR(told);
    }
    for (PyObject **held = &self->common; held <= &self->customers; held++)
        Py_CLEAR(*held);
    return told;
}

static int init(Writer *self, PyObject *arguments, PyObject *named)
{
    PyObject *format, *kinds, *spell;
    if (named != NULL || !PyArg_ParseTuple(arguments, "OO!O", &format, &PyTuple_Type, &kinds, &spell) || !learn_kinds(&self->kinds, kinds))
        return -1;
    Py_XSETREF(self->format, Py_NewRef(format));
    Py_XSETREF(self->spell, Py_NewRef(spell));
    return 0;
}

static void deallocate(Writer *self)
{
    for (int place = 0; place < QUEUE; place++)
        leave_queue(self->queue[place]);
    for (int list = 0; list < LISTS; list++)
        PyMem_Free(self->lists[list].bytes);
    forget_kinds(&self->kinds);
    for (PyObject **held = &self->format; held <= &self->customers; held++)
        Py_CLEAR(*held);
    Py_TYPE(self)->tp_free(self);
}

PyDoc_STRVAR(start_doc, "Begin with the customers of a list, from a place in it on. Also takes what their states have in common, and its numbers of names.");
PyDoc_STRVAR(add_doc,
             "Add the next customer of the list: itself, whether it is usual, its id, and its values:\n\n"
             "version, stage, due, entered_at, clock, first_at, sequence, recent, memory, keys, rule,\n"
             "stage_before, entered_at_before, rule_before, way, visited, told, trait_places, outreach;\n"
             "then whether it moved, and whether it was rescheduled.");
PyDoc_STRVAR(finish_doc, "States, stages, timers and the untimed as lists without heads: of each, how many texts there are, and these.");

static PyMethodDef methods[] = {
    {"start", (PyCFunction)start, METH_VARARGS, start_doc},
    {"add", (PyCFunction)(void (*)(void))add, METH_FASTCALL, add_doc},
    {"finish", (PyCFunction)finish, METH_NOARGS, finish_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "etapa.contracts.stored.quick_state.StateWriter",
    .tp_basicsize = sizeof(Writer),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Takes the format's number, the structs of which outreach consists, and what spells a customer out, given what states have in common.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)init,
    .tp_dealloc = (destructor)deallocate,
    .tp_methods = methods,
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick_state", "See quick_state.c.", -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_quick_state(void)
{
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddType(made, &type) < 0)
        Py_CLEAR(made);
    return made;
}
