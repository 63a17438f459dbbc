export { type CsvDialect, delimiterName, findDialect, wrongDelimiter } from './csv-dialect.js';
export { CsvReader, type CsvRow } from './csv-reader.js';
export { type CsvTerms, csvTerms, DECIMALS, type Decimal } from './csv-terms.js';
export { LineReader, type TextLine } from './line-reader.js';
export {
  PARQUET_INTEGERS,
  PARQUET_NUMBERS,
  PARQUET_TIMES,
  parquetFile,
  parquetValue,
} from './parquet-value.js';
export { formatOf, TABLE_FORMATS, type TableFormat } from './table-format.js';
export { EncodingEvidence, type TextEncoding } from './text-encoding.js';
