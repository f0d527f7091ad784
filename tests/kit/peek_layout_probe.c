/* Prints one row of src/core/peek_layout.h for the Python whose headers it was compiled against.
 * Run by tests/kit/peek_layouts.py; the order is that of enum tc_field in peek_layout.h. */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include <stdio.h>
#include <semaphore.h>
#include "internal/pycore_runtime.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_frame.h"
#include "internal/pycore_dict.h"
#if PY_VERSION_HEX >= 0x030c0000
#include "internal/pycore_gil.h"
#endif

#ifdef Py_GIL_DISABLED
#define FREE 1
#else
#define FREE 0
#endif
#define ROW(field, value) printf("      [" field "] = %zu,\n", (size_t)(value))

/* Where the bit field sits in the 32-bit word of PyASCIIObject.state. */
#define BIT(field, member)                                                        \
    do {                                                                          \
        PyASCIIObject text;                                                       \
        unsigned char bytes[sizeof text.state];                                   \
        size_t bit = 0;                                                           \
        memset(&text, 0, sizeof text);                                            \
        text.state.member = 1;                                                    \
        memcpy(bytes, &text.state, sizeof bytes);                                 \
        while (!(bytes[bit / 8] >> (bit % 8) & 1)) bit++;                         \
        ROW(field, bit);                                                          \
    } while (0)

#if PY_VERSION_HEX >= 0x030d0000
#define AT(group, member) offsetof(_Py_DebugOffsets, group.member)
static void offsets(void) {
    ROW("TC_INTERP_HEAD", AT(runtime_state, interpreters_head));
    ROW("TC_INTERP_NEXT", AT(interpreter_state, next));
    ROW("TC_THREADS_HEAD", AT(interpreter_state, threads_head));
    ROW("TC_GIL", AT(interpreter_state, ceval_gil));
    ROW("TC_THREAD_NEXT", AT(thread_state, next));
    ROW("TC_THREAD_TID", AT(thread_state, native_thread_id));
    ROW("TC_THREAD_IDENT", AT(thread_state, thread_id));
    ROW("TC_THREAD_FRAME", AT(thread_state, current_frame));
    ROW("TC_THREAD_CHUNK", AT(thread_state, datastack_chunk));
    ROW("TC_FRAME_SIZE", AT(interpreter_frame, size));
    ROW("TC_FRAME_PREVIOUS", AT(interpreter_frame, previous));
    ROW("TC_FRAME_CODE", AT(interpreter_frame, executable));
    ROW("TC_FRAME_IP", AT(interpreter_frame, instr_ptr));
    ROW("TC_FRAME_OWNER", AT(interpreter_frame, owner));
    ROW("TC_CODE_FILE", AT(code_object, filename));
    ROW("TC_CODE_NAME", AT(code_object, name));
    ROW("TC_CODE_TABLE", AT(code_object, linetable));
    ROW("TC_CODE_LINE", AT(code_object, firstlineno));
    ROW("TC_CODE_BYTES", AT(code_object, co_code_adaptive));
    ROW("TC_BYTES_SIZE", AT(bytes_object, ob_size));
    ROW("TC_BYTES_DATA", AT(bytes_object, ob_sval));
    ROW("TC_TEXT_LENGTH", AT(unicode_object, length));
    ROW("TC_TEXT_STATE", AT(unicode_object, state));
    ROW("TC_TEXT_ASCII", AT(unicode_object, asciiobject_size));
#if PY_VERSION_HEX >= 0x030e0000
    ROW("TC_FRAME_COPY", AT(interpreter_frame, tlbc_index));
    ROW("TC_CODE_COPIES", AT(code_object, co_tlbc));
#endif
}
#else
static void offsets(void) {
    ROW("TC_INTERP_HEAD", offsetof(_PyRuntimeState, interpreters.head));
    ROW("TC_INTERP_NEXT", offsetof(PyInterpreterState, next));
    ROW("TC_THREADS_HEAD", offsetof(PyInterpreterState, threads.head));
#if PY_VERSION_HEX >= 0x030c0000
    ROW("TC_GIL", offsetof(PyInterpreterState, ceval.gil));
#else
    ROW("TC_GIL", offsetof(_PyRuntimeState, ceval.gil));
#endif
    ROW("TC_THREAD_NEXT", offsetof(PyThreadState, next));
    ROW("TC_THREAD_TID", offsetof(PyThreadState, native_thread_id));
    ROW("TC_THREAD_IDENT", offsetof(PyThreadState, thread_id));
    ROW("TC_THREAD_FRAME", offsetof(PyThreadState, cframe));
    ROW("TC_THREAD_CHUNK", offsetof(PyThreadState, datastack_chunk));
    ROW("TC_FRAME_SIZE", sizeof(_PyInterpreterFrame));
    ROW("TC_FRAME_PREVIOUS", offsetof(_PyInterpreterFrame, previous));
    ROW("TC_FRAME_CODE", offsetof(_PyInterpreterFrame, f_code));
    ROW("TC_FRAME_IP", offsetof(_PyInterpreterFrame, prev_instr));
    ROW("TC_FRAME_OWNER", offsetof(_PyInterpreterFrame, owner));
    ROW("TC_CODE_FILE", offsetof(PyCodeObject, co_filename));
    ROW("TC_CODE_NAME", offsetof(PyCodeObject, co_name));
    ROW("TC_CODE_TABLE", offsetof(PyCodeObject, co_linetable));
    ROW("TC_CODE_LINE", offsetof(PyCodeObject, co_firstlineno));
    ROW("TC_CODE_BYTES", offsetof(PyCodeObject, co_code_adaptive));
    ROW("TC_BYTES_SIZE", offsetof(PyVarObject, ob_size));
    ROW("TC_BYTES_DATA", offsetof(PyBytesObject, ob_sval));
    ROW("TC_TEXT_LENGTH", offsetof(PyASCIIObject, length));
    ROW("TC_TEXT_STATE", offsetof(PyASCIIObject, state));
    ROW("TC_TEXT_ASCII", sizeof(PyASCIIObject));
    ROW("TC_CFRAME_FRAME", offsetof(_PyCFrame, current_frame));
}
#endif

int main(void) {
    printf("    {0x%04x, %d, {\n", PY_VERSION_HEX >> 16, FREE);
    offsets();
    ROW("TC_GIL_SIZE", sizeof(struct _gil_runtime_state));
    ROW("TC_GIL_HOLDER", offsetof(struct _gil_runtime_state, last_holder));
    ROW("TC_CODE_LOCALS", offsetof(PyCodeObject, co_nlocalsplus));
    ROW("TC_CODE_CATCH", offsetof(PyCodeObject, co_exceptiontable));
    ROW("TC_OBJECT_SIZE", sizeof(PyObject));
    ROW("TC_FRAME_GLOBALS", offsetof(_PyInterpreterFrame, f_globals));
    ROW("TC_CODE_NAMES", offsetof(PyCodeObject, co_names));
    ROW("TC_TUPLE_ITEMS", offsetof(PyTupleObject, ob_item));
    ROW("TC_DICT_KEYS", offsetof(PyDictObject, ma_keys));
    ROW("TC_KEYS_INDICES", offsetof(PyDictKeysObject, dk_indices));
    ROW("TC_TYPE_FLAGS", offsetof(PyTypeObject, tp_flags));
    ROW("TC_TYPE_DICTOFFSET", offsetof(PyTypeObject, tp_dictoffset));
    ROW("TC_TYPE_BASICSIZE", offsetof(PyTypeObject, tp_basicsize));
    ROW("TC_TYPE_KEYS", offsetof(PyHeapTypeObject, ht_cached_keys));
    ROW("TC_TEXT_COMPACT", sizeof(PyCompactUnicodeObject));
    BIT("TC_KIND_BIT", kind);
    BIT("TC_COMPACT_BIT", compact);
    BIT("TC_ASCII_BIT", ascii);
    printf("    }},\n");
    return 0;
}
