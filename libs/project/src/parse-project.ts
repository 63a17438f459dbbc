// Reads project.yaml: every fault at once, each with path, line, column and what to do. Pure: text in, project or
// faults out. YAML anchors are allowed within the parser's own limit on alias expansion.

import { hint, PlatformError, taskFault } from '@millrace/domain';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { type Document, isMap, isPair, isScalar, LineCounter, type Node, parseDocument, type YAMLError } from 'yaml';
import { buildProject } from './build-project.js';
import { canonicalJson } from './canonical-json.js';
import { crossFieldFaults, type FaultPath, type PathFault, withoutRefusedParts } from './cross-field.js';
import { DURATION_DAYS_MAX, DURATION_PATTERN, isTooLong } from './duration.js';
import { fillDefaults } from './fill-defaults.js';
import type { Project } from './project.js';
import { projectSchema } from './schema.js';
import type { SchemaNode } from './schema-nodes.js';

export interface ProjectFault {
  /** Dotted path in the file, such as "data.columns.3.min"; empty for the file as a whole. */
  path: string;
  /** From 1. */
  line: number;
  column: number;
  message: string;
}

export type ParsedProject =
  | { kind: 'ok'; project: Project; document: string }
  | { kind: 'invalid'; fileName: string; faults: ProjectFault[] };

/** A project file is small; a larger text is a mistake and not worth parsing. */
const TEXT_MAX = 1_048_576;
/** More faults than a person reads; the rest is counted. */
const FAULTS_MAX = 200;

let compiled: ValidateFunction | undefined;

/** Compiling the schema takes a while; services that only read canonical documents never do it. */
function validator(): ValidateFunction {
  compiled ??= new Ajv({
    allErrors: true,
    strict: true,
    strictTypes: false,
    allowUnionTypes: true,
    verbose: true,
  }).compile(projectSchema);
  return compiled;
}

function pathOf(pointer: string): (string | number)[] {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^[0-9]+$/.test(part) ? Number(part) : part));
}

/** Keys that the design has a word for and nothing brings to life yet: what to write instead. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  [
    'data.slices',
    'nothing reads data.slices. Write the columns under evaluation.slices, which evaluates their values apart.',
  ],
  [
    'data.protected',
    'there are no fairness checks yet. Remove it; evaluation.slices shows the figures of each group of a column.',
  ],
]);

const READABLE: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'a block of keys',
  array: 'a list',
  null: 'nothing',
};

/** What is wrong and what to do; null for an error that another one explains better. */
function explain(error: ErrorObject): { path: (string | number)[]; message: string; atKey?: string } | null {
  const path = pathOf(error.instancePath);
  const params = error.params as Record<string, unknown>;
  const shown = JSON.stringify(error.data)?.slice(0, 60);
  // Of the two forms a missing value may take, the anyOf error itself says all.
  if (/\/anyOf\/\d/.test(error.schemaPath)) return null;
  if (path.length === 0 && error.keyword === 'type')
    return {
      path,
      message:
        error.data === null
          ? 'the file is empty; `millrace new FILE` writes a project file from a table.'
          : 'this is no project file, which has keys such as name, data and features; `millrace new FILE` writes one from a table.',
    };
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = params.additionalProperty as string;
      const instead = INSTEAD.get([...path, key].join('.'));
      if (instead !== undefined) return { path: [...path, key], atKey: key, message: instead };
      const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
      return { path: [...path, key], atKey: key, message: `unknown key '${key}'. ${hint(key, known)}` };
    }
    case 'required': {
      const key = params.missingProperty as string;
      const properties = (error.parentSchema as { properties: Record<string, { description?: string }> }).properties;
      return { path: [...path, key], message: `'${key}' is missing. Add it: ${properties[key]?.description ?? ''}` };
    }
    case 'type': {
      const wanted = [params.type as unknown].flat() as string[];
      return {
        path,
        message: `${shown} is not ${wanted.map((type) => READABLE[type] ?? type).join(' or ')}. Write ${wanted.map((type) => READABLE[type] ?? type).join(' or ')}.`,
      };
    }
    case 'enum': {
      // A word for a task that does not work yet is no typing error.
      const fault = path.join('.') === 'scope.task' ? taskFault(String(error.data)) : undefined;
      if (fault !== undefined) return { path, message: fault };
      return {
        path,
        message: `${shown} is not one of the known words. ${hint(String(error.data), params.allowedValues as string[])}`,
      };
    }
    case 'minimum':
      return { path, message: `${shown} is too small; at least ${params.limit}.` };
    case 'maximum':
      return { path, message: `${shown} is too large; at most ${params.limit}.` };
    case 'pattern':
      return {
        path,
        message: `${shown} has the wrong form. ${(error.parentSchema as { description?: string }).description ?? `It must match ${params.pattern}.`}`,
      };
    case 'anyOf':
      return {
        path,
        message: `${shown} does not fit. ${(error.parentSchema as { description?: string }).description ?? ''}`,
      };
    case 'propertyNames':
      return { path, message: `'${params.propertyName}' is not a name: letters, digits and _, not a digit first.` };
    case 'minItems':
      return { path, message: `the list needs at least ${params.limit} entries.` };
    case 'maxItems':
    case 'maxProperties':
      return { path, message: `too many entries; at most ${params.limit}.` };
    case 'minLength':
      return { path, message: 'the text is empty. Write a value.' };
    default:
      return { path, message: `${error.message ?? error.keyword}.` };
  }
}

/** The parser's own words, with the key where it leaves that out. */
function yamlMessage({ code, message, pos }: YAMLError, text: string): string {
  if (code === 'DUPLICATE_KEY')
    return `the key ${/^[^:\s]+/.exec(text.slice(pos[0]))?.[0] ?? ''} stands twice in one block; leave one`;
  if (code === 'TAB_AS_INDENT') return 'tabs are not allowed as indentation; write spaces';
  return message.replace(/\.$/, '');
}

/** Line and column of the deepest part of a path that the file has; of the key itself for `atKey`. */
function positionOf(
  yaml: Document,
  lines: LineCounter,
  path: FaultPath,
  atKey?: string,
): { line: number; column: number } {
  for (let depth = path.length; depth >= 0; depth--) {
    const parent = depth === 0 ? undefined : yaml.getIn(path.slice(0, depth - 1), true);
    const container = depth === 1 ? yaml.contents : parent;
    const name = String(path[depth - 1]);
    if (isMap(container)) {
      const pair = container.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === name,
      );
      const value = pair?.value as Node | null | undefined;
      const key = pair?.key as Node | undefined;
      // A scalar value is pointed at itself, a block or an unknown key at its key.
      const node = depth === path.length && atKey === undefined && isScalar(value) ? value : key;
      if (node?.range) return at(lines, node.range[0]);
    }
    const node = depth === 0 ? yaml.contents : (yaml.getIn(path.slice(0, depth), true) as Node | undefined);
    if (node && typeof node === 'object' && node.range) return at(lines, node.range[0]);
  }
  return { line: 1, column: 1 };
}

function at(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Parses and checks a project file (YAML; JSON is YAML too). */
export function parseProject(text: string, fileName: string): ParsedProject {
  const invalid = (faults: ProjectFault[]): ParsedProject => {
    const ordered = [...faults].sort((a, b) => a.line - b.line || a.column - b.column);
    if (ordered.length > FAULTS_MAX) {
      const rest = ordered.splice(FAULTS_MAX).length;
      ordered.push({ path: '', line: 1, column: 1, message: `and ${rest} more faults.` });
    }
    return { kind: 'invalid', fileName, faults: ordered };
  };
  if (text.length > TEXT_MAX) {
    return invalid([{ path: '', line: 1, column: 1, message: `the file is larger than ${TEXT_MAX} characters.` }]);
  }
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (yaml.errors.length > 0) {
    return invalid(
      yaml.errors.map((error) => ({
        path: '',
        ...at(lines, error.pos[0]),
        message: `not valid YAML: ${yamlMessage(error, text)}.`,
      })),
    );
  }
  let document: unknown;
  try {
    document = yaml.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return invalid([{ path: '', line: 1, column: 1, message: `not usable YAML: ${(error as Error).message}.` }]);
  }
  const faults: ProjectFault[] = [];
  const validate = validator();
  if (!validate(document)) {
    for (const error of validate.errors ?? []) {
      const fault = explain(error);
      if (fault === null) continue;
      faults.push({
        path: fault.path.join('.'),
        ...positionOf(yaml, lines, fault.path, fault.atKey),
        message: fault.message,
      });
    }
    for (const fault of crossFieldFaultsBeside(faults, document)) {
      faults.push({ path: fault.path.join('.'), ...positionOf(yaml, lines, fault.path), message: fault.message });
    }
    return invalid(
      faults.length > 0 ? faults : [{ path: '', line: 1, column: 1, message: 'does not fit the schema.' }],
    );
  }
  const project = buildProject(fillDefaults(document));
  for (const fault of [...longDurations(projectSchema, document, []), ...crossFieldFaults(project, document)]) {
    faults.push({ path: fault.path.join('.'), ...positionOf(yaml, lines, fault.path), message: fault.message });
  }
  return faults.length > 0 ? invalid(faults) : { kind: 'ok', project, document: canonicalJson(document) };
}

/** Durations of a document that fits the schema which are longer than any that has a meaning. */
function longDurations(schema: SchemaNode, value: unknown, path: FaultPath): PathFault[] {
  if (schema.pattern === DURATION_PATTERN && typeof value === 'string')
    return isTooLong(value) ? [{ path, message: `'${value}' is too long; at most ${DURATION_DAYS_MAX}d.` }] : [];
  if (typeof value !== 'object' || value === null) return [];
  const { properties = {}, items } = schema as { properties?: Record<string, SchemaNode>; items?: SchemaNode };
  return Object.entries(value).flatMap(([key, each]) => {
    const node = Array.isArray(value) ? items : Object.hasOwn(properties, key) ? properties[key] : undefined;
    return node === undefined ? [] : longDurations(node, each, [...path, Array.isArray(value) ? Number(key) : key]);
  });
}

/**
 * What joins two places, in a document that the schema already refused: all faults at once, but none about a place that
 * is named already, and none where the document is too broken to be read at all.
 */
function crossFieldFaultsBeside(known: readonly ProjectFault[], document: unknown): PathFault[] {
  try {
    return crossFieldFaults(buildProject(fillDefaults(document)), document).filter((fault) => {
      const path = fault.path.join('.');
      return !known.some((other) => path.startsWith(other.path) || other.path.startsWith(path));
    });
  } catch {
    // Its shape is not that of a project; the schema's faults say how.
    return [];
  }
}

/**
 * The project of a canonical document (projects.v1), which parseProject accepted before it was written: only what joins
 * two places is checked again. Throws `corrupt` for anything that is no such document.
 */
export function projectFromDocument(document: string): Project {
  let faults: PathFault[];
  try {
    const raw: unknown = JSON.parse(document);
    const project = withoutRefusedParts(buildProject(fillDefaults(raw)));
    faults = crossFieldFaults(project, raw, true);
    if (faults.length === 0) return project;
  } catch (thrown) {
    throw new PlatformError('corrupt', `no project document: ${(thrown as Error).message}`, { cause: thrown });
  }
  const first = faults[0] as PathFault;
  throw new PlatformError('corrupt', `project document: ${first.path.join('.')} ${first.message}`, {
    facts: { faults: faults.length },
  });
}
