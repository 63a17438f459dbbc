// How a column of a Parquet file becomes a raw value, as SQL for DuckDB: a number, a text, a boolean, milliseconds. One
// rule for what is imported and what is predicted, so that a file means the same to both. And the file itself.

export const PARQUET_TIMES = /^(TIMESTAMP.*|DATE)$/;
export const PARQUET_INTEGERS = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/;
export const PARQUET_NUMBERS = /^(FLOAT|DOUBLE|DECIMAL.*)$/;

/** The one file of that path, also where its name holds what DuckDB takes for a pattern: * ? [. */
export const parquetFile = (path: string): string =>
  `read_parquet('${path.replace(/[*?[]/g, '[$&]').replaceAll("'", "''")}')`;

/**
 * What is wanted of whole numbers: their digits as a text, where they name something or the column is one of texts, a
 * double, which may not hold them all, or the number as it is.
 */
type WholeNumbers = 'digits' | 'double' | 'exact';

/** @param column as SQL @param type as DuckDB describes it */
export function parquetValue(column: string, type: string, whole: WholeNumbers): string {
  // No cast to TIMESTAMP: with a time zone it would need an extension that is not at hand.
  if (PARQUET_TIMES.test(type)) return `epoch_ms(${column})::DOUBLE`;
  if (PARQUET_INTEGERS.test(type)) {
    if (whole === 'digits') return `${column}::VARCHAR`;
    return whole === 'exact' ? column : `${column}::DOUBLE`;
  }
  if (PARQUET_NUMBERS.test(type)) return `${column}::DOUBLE`;
  return type === 'BOOLEAN' ? column : `${column}::VARCHAR`;
}
