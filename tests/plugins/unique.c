/* What g++ makes of an inline variable without -fno-gnu-unique, in a form that every compiler takes. */
extern int test_unique_symbol;
__asm__(
    ".pushsection .data\n"
    ".globl test_unique_symbol\n"
    ".type test_unique_symbol, %gnu_unique_object\n"
    ".size test_unique_symbol, 4\n"
    "test_unique_symbol: .long 7\n"
    ".popsection\n");
int test_unique_value(void);
int test_unique_value(void) {
  return test_unique_symbol;
}
