// Names of a file's columns, and of the table of DuckDB that they stand in, which tells names apart only where more
// than the case of letters differs.

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A column by the name that the file has for it. */
export interface FileColumn {
  readonly type: string;
  /** As SQL. */
  readonly inTable: string;
}

/** The name, or one made of it that no column has. */
export function freeName(name: string, columns: readonly string[]): string {
  const taken = new Set(columns.map((column) => column.toLowerCase()));
  let free = name;
  while (taken.has(free.toLowerCase())) free = `predicted_${free}`;
  return free;
}

/**
 * Where the file has each column, by its name in the header. One without a name, and a second one of a name, is called
 * as in the table, unless the header has that name, too.
 */
export function placesOf(header: readonly string[], names: readonly string[]): Map<string, number> {
  const named = header.map((given, i) => (given === '' || header.indexOf(given) < i ? null : given));
  const known = new Set(named);
  return new Map(
    names.flatMap((name, i) => {
      const own = named[i] ?? (known.has(name) ? null : name);
      return own === null ? [] : [[own, i + 1] as const];
    }),
  );
}

/** All of texts. */
export function columnsOf(header: readonly string[], names: readonly string[]): Map<string, FileColumn> {
  const places = [...placesOf(header, names)];
  return new Map(places.map(([name, at]) => [name, { type: 'VARCHAR', inTable: quoted(names[at - 1] as string) }]));
}

/** Names of the table's columns: the header's, made to differ, as DuckDB wants it whatever the case of letters. */
export function tableNames(header: readonly string[]): string[] {
  const taken = new Set<string>();
  return header.map((given, i) => {
    let name = given === '' ? `column_${i + 1}` : given;
    for (let next = 2; taken.has(name.toLowerCase()); next++) name = `${given}_${next}`;
    taken.add(name.toLowerCase());
    return name;
  });
}
