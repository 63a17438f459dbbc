// A row of a file that cannot be read; it keeps its place among the others.
export class BrokenRow {
  constructor(readonly fault: string) {}
}
