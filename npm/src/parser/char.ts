/** The characters of field names and line ends. The compiler writes them as numbers: looking a variable up takes as long as comparing it. */
export const enum Char {
  LF = 10,
  CR = 13,
  SPACE = 32,
  COLON = 58,
  A = 97,
  D = 100,
  E = 101,
  I = 105,
  N = 110,
  T = 116,
  V = 118,
}
