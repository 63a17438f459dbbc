/** A table with aligned columns; numbers to the right. */
export function table(headers: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [headers, ...rows.map((row) => row.map(String))];
  const widths = headers.map((_, c) => Math.max(...cells.map((row) => String(row[c] ?? '').length)));
  return cells
    .map((row, r) =>
      row
        .map((cell, c) => {
          const right = r > 0 && typeof rows[r - 1]?.[c] === 'number';
          return right ? String(cell).padStart(widths[c] as number) : String(cell).padEnd(widths[c] as number);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
