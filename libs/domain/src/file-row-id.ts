// What the rows of a file are called that bring no id of their own: the beginning of the file's SHA-256, and the row
// from 1. The same file is the same rows, whether it is imported or sent into the live stream.

/** Of the SHA-256, so that ids stay readable; two files of a project meet in 64 bits hardly ever. */
const HASH_DIGITS = 16;

/** Before the slash. */
export const fileIdOf = (sha256: string): string => sha256.slice(0, HASH_DIGITS);

/** @param row from 0 */
export const fileRowIdOf = (sha256: string, row: number): string => `${fileIdOf(sha256)}/${row + 1}`;
