// Paths of a project's sources: relative ones are relative to the project file, which only the caller who applies it
// can see; they are made absolute when it is applied.

function isAbsolutePath(path: string): boolean {
  return path.startsWith('/') || path.startsWith('npm:');
}

interface Document {
  data: { sources?: Record<string, { path: string }> };
}

/** A copy of the document in which no source's path is relative. */
export function absoluteSources(document: Document, folder: string): Document {
  const sources = Object.entries(document.data.sources ?? {}).map(([name, source]) => {
    const path = isAbsolutePath(source.path) ? source.path : `${folder.replace(/\/+$/, '')}/${source.path}`;
    return [name, { ...source, path }];
  });
  if (sources.length === 0) return document;
  return { ...document, data: { ...document.data, sources: Object.fromEntries(sources) } };
}
