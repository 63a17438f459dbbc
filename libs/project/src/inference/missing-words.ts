// Texts that people and programs write where a value is missing. Most of them can be values, too (NA is Namibia, "-" a
// blood group's half): they are missing only beside numbers, times or yes and no, or where the table's other columns
// show that it writes so. Some never are values. A column of numbers may have a word of its own (column-profile.ts).

const ALONE = ['?', 'NaN', 'nan', 'NaT', 'null', 'NULL', '<NA>', '#N/A', '\\N'];
/** Beside yes and no these are a third answer. */
const ANSWERS = ['None', 'none', 'missing', 'unknown'];
const OTHERS = ['NA', 'N/A', 'n/a', 'na', 'Null', '-', '--', '.', '..'];

const WORDS: ReadonlySet<string> = new Set([...ALONE, ...ANSWERS, ...OTHERS]);
const NEVER_VALUES: ReadonlySet<string> = new Set(ALONE);
const THIRD_ANSWERS: ReadonlySet<string> = new Set(ANSWERS);

/** White space around it does not count. */
export function isMissingWord(text: string): boolean {
  return WORDS.has(text.trim());
}

export const isNeverValue = (word: string): boolean => NEVER_VALUES.has(word);
export const isThirdAnswer = (word: string): boolean => THIRD_ANSWERS.has(word);
