#include "tests/plugins/swap_fault.h"

const struct swap_fault swap_fault = {CALL, HOW, WHERE, AFTER};
