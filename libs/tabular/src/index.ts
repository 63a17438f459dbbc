export { type CsvDialect, DELIMITERS, findDialect } from './csv-dialect.js';
export { CsvReader, type CsvRow } from './csv-reader.js';
export { LineReader, type TextLine } from './line-reader.js';
export { formatOf, TABLE_FORMATS, type TableFormat } from './table-format.js';
export { EncodingEvidence, TEXT_ENCODINGS, type TextEncoding } from './text-encoding.js';
