/* Writes objects of msgspec's structs that are told as lists of their fields, straight from where they keep these. */

#ifndef ETAPA_STRUCTS
#define ETAPA_STRUCTS

#include "ahead.h"
#include "message_pack.h"

#include <structmember.h>

#define MOST_KINDS 4
#define MOST_FIELDS 16

/* Of a kind of structs: its type, and at how many bytes from the beginning of an object each of its fields is. */
struct kinds {
    int number;
    struct kind {
        PyTypeObject *type;
        Py_ssize_t fields, at[MOST_FIELDS];
    } of[MOST_KINDS];
};

static void forget_kinds(struct kinds *kinds)
{
    while (kinds->number > 0)
        Py_DECREF(kinds->of[--kinds->number].type);
}

static int find_fields(struct kind *kind, PyObject *type)
{
    PyObject *names = PyObject_GetAttrString(type, "__struct_fields__");
    int is_found = names != NULL && PyTuple_Check(names) && PyTuple_GET_SIZE(names) <= MOST_FIELDS;
    kind->fields = is_found ? PyTuple_GET_SIZE(names) : 0;
    for (Py_ssize_t place = 0; is_found && place < kind->fields; place++) {
        PyObject *field = PyObject_GetAttr(type, PyTuple_GET_ITEM(names, place));
        is_found = field != NULL && Py_IS_TYPE(field, &PyMemberDescr_Type) && ((PyMemberDescrObject *)field)->d_member->type == T_OBJECT_EX;
        if (is_found)
            kind->at[place] = ((PyMemberDescrObject *)field)->d_member->offset;
        Py_XDECREF(field);
    }
    Py_XDECREF(names);
    return is_found;
}

/* 0: an error is set. */
static int learn_kinds(struct kinds *kinds, PyObject *types)
{
    forget_kinds(kinds);
    for (Py_ssize_t place = 0; place < PyTuple_GET_SIZE(types); place++) {
        PyObject *type = PyTuple_GET_ITEM(types, place);
        if (place == MOST_KINDS || !PyType_Check(type) || !find_fields(&kinds->of[place], type)) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_TypeError, "expected up to %d structs of up to %d fields, found %R", MOST_KINDS, MOST_FIELDS, types);
            return 0;
        }
        kinds->of[kinds->number++].type = (PyTypeObject *)Py_NewRef(type);
    }
    return 1;
}

static inline const struct kind *kind_of(PyObject *told, const struct kinds *kinds)
{
    for (int number = 0; number < kinds->number; number++)
        if (Py_IS_TYPE(told, kinds->of[number].type))
            return &kinds->of[number];
    return NULL;
}

static inline PyObject *field_of(PyObject *told, const struct kind *kind, Py_ssize_t place)
{
    return *(PyObject **)((char *)told + kind->at[place]);
}

/* A struct, a tuple in which there may be some, or any other value. */
static int write_struct(struct buffer *to, PyObject *told, const struct kinds *kinds, int depth)
{
    const struct kind *kind = kind_of(told, kinds);
    if (depth == 0 || (kind == NULL && !PyTuple_CheckExact(told)))
        return write_value(to, told, depth);
    Py_ssize_t size = kind != NULL ? kind->fields : PyTuple_GET_SIZE(told);
    int is_done = write_list_head(to, size);
    for (Py_ssize_t place = 0; is_done && place < size; place++) {
        PyObject *item = kind != NULL ? field_of(told, kind, place) : PyTuple_GET_ITEM(told, place);
        is_done = item != NULL && write_struct(to, item, kinds, depth - 1);
    }
    return is_done;
}

/* Of a struct whose fields have been asked for: what these hold, layer by layer. */
static void ask_for_struct(PyObject *told, const struct kinds *kinds, Py_ssize_t layer)
{
    const struct kind *kind = kind_of(told, kinds), *inner;
    PyObject *field, *name, *value;
    for (Py_ssize_t place = 0; kind != NULL && place < kind->fields; place++) {
        Py_ssize_t at = 0;
        if ((field = field_of(told, kind, place)) == NULL)
            continue;
        if (layer == 0)
            ask_for_items(field);
        else if (layer == 1 && PyDict_CheckExact(field))
            while (PyDict_Next(field, &at, &name, &value))
                ask_for(value);
        else if (PyTuple_CheckExact(field))
            for (; at < PyTuple_GET_SIZE(field); at++)
                if ((inner = kind_of(PyTuple_GET_ITEM(field, at), kinds)) != NULL)
                    layer == 1 ? ask_for_bytes(PyTuple_GET_ITEM(field, at), inner->type->tp_basicsize) : ask_for_targets(PyTuple_GET_ITEM(field, at));
    }
}

#endif
