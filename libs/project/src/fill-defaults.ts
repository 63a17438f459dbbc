// A project document with everything in it that it left out: the schema's own `default` of each key, in every block,
// list entry and named entry. A block without required keys is there with its defaults; one with required keys is
// absent unless it was written. What a default cannot say, because it follows from another key, build-project.ts adds.
// Values that do not fit the schema are left as they are. Cost O(keys of schema and document).

import { projectSchema } from './schema.js';
import type { SchemaNode } from './schema-nodes.js';

type Block = Readonly<Record<string, unknown>>;

export function fillDefaults(document: unknown): unknown {
  return filled(projectSchema, document);
}

function filled(node: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value))
    return node.items === undefined ? value : value.map((item) => filled(node.items as Block, item));
  if (typeof value !== 'object' || value === null) return value;
  const properties = (node.properties ?? {}) as Readonly<Record<string, SchemaNode>>;
  const others = typeof node.additionalProperties === 'object' ? (node.additionalProperties as SchemaNode) : undefined;
  const written = Object.entries(value).map(([key, child]) => {
    const known = Object.hasOwn(properties, key) ? properties[key] : others;
    return [key, known === undefined ? child : filled(known, child)] as const;
  });
  const added = Object.entries(properties).flatMap(([key, child]) => {
    if (Object.hasOwn(value, key)) return [];
    const fallback = absent(child);
    return fallback === undefined ? [] : [[key, fallback] as const];
  });
  return Object.fromEntries([...written, ...added]);
}

/** What stands for a key that was not written; undefined = nothing. */
function absent(node: SchemaNode): unknown {
  if (node.default !== undefined) return node.default;
  const isOptionalBlock = node.properties !== undefined && (node.required as readonly string[]).length === 0;
  return isOptionalBlock ? filled(node, {}) : undefined;
}
