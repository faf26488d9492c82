// What does the reference implementation of PCG64 draw?
//
// For each quadruple of arguments SEED SEQUENCE ADVANCE COUNT (hexadecimal, the first three up to 128 bits) prints, one a
// line, COUNT draws of pcg64(SEED, SEQUENCE) after ADVANCE skipped ones. Source: O'Neill's pcg_random.hpp as packaged in
// Debian's libpcg-cpp-dev. This is the only C++ of the project, because the judge is a C++ header.
#include <cstdio>
#include <cstdlib>
#include <pcg_random.hpp>

static pcg_extras::pcg128_t number(const char *text) {
  pcg_extras::pcg128_t value = 0;
  for (const char *c = text; *c; c++) {
    const char digit[] = {*c, 0};
    char *end;
    const unsigned long v = std::strtoul(digit, &end, 16);
    if (end != digit + 1) {
      std::fprintf(stderr, "pcg_reference: '%s' is not hexadecimal\n", text);
      std::exit(2);
    }
    value = value << 4 | v;
  }
  return value;
}

int main(int argc, char **argv) {
  if (argc < 5 || argc % 4 != 1) {
    std::fprintf(stderr, "usage: pcg_reference {SEED SEQUENCE ADVANCE COUNT}...\n");
    return 2;
  }
  for (int i = 1; i < argc; i += 4) {
    pcg64 generator(number(argv[i]), number(argv[i + 1]));
    generator.advance(number(argv[i + 2]));
    for (pcg_extras::pcg128_t left = number(argv[i + 3]); left > 0; left--)
      std::printf("%016llx\n", static_cast<unsigned long long>(generator()));
  }
  return 0;
}
