// What the names of columns say: the words of a name, and lists of words that people use for times, ids, the things
// that rows are about, and outcomes. English, because most headers are; a name in another language says nothing, and
// the data decides alone.

/** "customerID", "customer_id" and "Customer Id" are customer, id. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

const list = (text: string): ReadonlySet<string> => new Set(text.split(' '));

export const TIME_WORDS = list('at date datetime day time timestamp ts when');
export const ID_WORDS = list('code guid id identifier ids key no nr number ref reference serial uuid');
export const ENTITY_WORDS = list(
  'account borrower card client company customer device driver employee household machine member merchant patient person ' +
    'player sensor seller store student subject subscriber unit user vehicle vendor',
);
/** Names of the outcome itself: the whole name, or its last word. */
export const LABEL_WORDS = list('class label outcome response result target');
/** The whole name only: a marital status is none. */
export const WHOLE_LABELS = list('status y');
/** Outcomes that are asked for most. */
export const OUTCOME_WORDS = list(
  'accepted approved attrition bought cancelled canceled churn churned clicked converted deceased default defaulted denied ' +
    'deposit diagnosis died event exited failed failure fraud left paid purchased readmitted rejected repaid returned spam ' +
    'success survived won',
);
/** Numbers that name a kind instead of counting something. */
export const CODE_WORDS = list('category class code group id kind postcode region type zip zipcode');

const YES_WORDS = list('1 bad default died fraud malignant pos positive t true y yes');
export const NO_WORDS = list('0 f false good n neg negative never no none not normal benign');

export const hasWord = (name: string, words: ReadonlySet<string>): boolean =>
  wordsOf(name).some((word) => words.has(word));

/** What a name ends with is what the column is: a device id, but the protection of a device. */
export function lastWordIn(name: string, words: ReadonlySet<string>): string | undefined {
  const last = wordsOf(name).at(-1);
  return last !== undefined && words.has(last) ? last : undefined;
}

/** For the end of a sentence: how the name speaks for a role; undefined where it does not. */
export function wordIn(name: string, words: ReadonlySet<string>): string | undefined {
  return wordsOf(name).find((word) => words.has(word));
}

export function isYesWord(text: string): boolean {
  const words = wordsOf(text);
  return words.length > 0 && words.every((word) => YES_WORDS.has(word));
}
