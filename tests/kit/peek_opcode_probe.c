/* Prints for each opcode of the Python whose headers it was compiled against: the opcode that it is a
 * specialized form of, and how many code units of cache follow it. Run by tests/kit/peek_opcodes.py. */
#define Py_BUILD_CORE 1
#define NEED_OPCODE_TABLES 1
#define NEED_OPCODE_METADATA 1
#include <Python.h>
#include <stdio.h>
#if PY_VERSION_HEX >= 0x030d0000
#include "internal/pycore_opcode_metadata.h"
#else
#include "internal/pycore_opcode.h"
#endif

int main(void) {
    for (int opcode = 0; opcode < 256; opcode++)
        printf("%d %d\n", _PyOpcode_Deopt[opcode], _PyOpcode_Caches[_PyOpcode_Deopt[opcode]]);
    return 0;
}
