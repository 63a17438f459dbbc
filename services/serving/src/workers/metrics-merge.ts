// Several processes' metrics as one scrape: the series of each get a label `worker`, families stay together as
// Prometheus' text format demands. Sums are the reader's: sum without (worker) (…).

/** Line by line; a line that is no sample of its family is passed on as it is. */
export function mergeMetricsTexts(texts: readonly { worker: string; text: string }[]): string {
  const families = new Map<string, { head: string[]; samples: string[] }>();
  for (const { worker, text } of texts) {
    let family = familyOf(families, '');
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const [, kind, name] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (kind === undefined || name === undefined) {
        if (!line.startsWith('#')) family.samples.push(labelled(line, worker));
        continue;
      }
      family = familyOf(families, name);
      if (!family.head.includes(line)) family.head.push(line);
    }
  }
  return [...families.values()]
    .flatMap(({ head, samples }) => [...head, ...samples])
    .map((line) => `${line}\n`)
    .join('');
}

function familyOf(families: Map<string, { head: string[]; samples: string[] }>, name: string) {
  let family = families.get(name);
  if (!family) {
    family = { head: [], samples: [] };
    families.set(name, family);
  }
  return family;
}

function labelled(line: string, worker: string): string {
  const label = `worker="${worker}"`;
  const brace = line.indexOf('{');
  const blank = line.indexOf(' ');
  if (brace >= 0 && brace < blank) {
    const rest = line.slice(brace + 1);
    return `${line.slice(0, brace)}{${label}${rest.startsWith('}') ? '' : ','}${rest}`;
  }
  return blank < 0 ? line : `${line.slice(0, blank)}{${label}}${line.slice(blank)}`;
}
