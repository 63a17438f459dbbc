// Reads a repository folder: which models and versions lie there, how large they are, whether they changed; and stages
// the files that a load request brings. Links are followed for files and folders as the system does; the repository is
// the operator's. Nothing is written into it.

import { createHash } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PlatformError } from '@millrace/domain';
import type { WarmUpSample } from '../declaration/model-spec.js';
import { warmUpFileBytes } from '../models/warm-up.js';
import {
  checkModelName,
  isModelName,
  MODELS_MAX,
  type ModelFolder,
  overridePath,
  VERSION_FILES_MAX,
  VERSION_FOLDERS_MAX,
  type VersionFolder,
  versionOfFolder,
} from './model-folder.js';

const CONFIG_FILE = 'config.pbtxt';
/** coreutils' format; where a version has it, every file in it is checked before the model is loaded. */
const SUMS_FILE = 'SHA256SUMS';
/** Bare files that are models. */
const BARE = /^(.+)\.onnx$/;
/** Files that make a folder without version folders a model. */
const MODEL_FILE = /^model\.(onnx|js|mjs|ts|json|savedmodel|tfjs)$|^saved_model\.pb$/;
/** What of a version may be its model where the configuration names nothing: these, and all below them. */
const MODEL_PART = /^(model\.(onnx|js|mjs|ts|json|savedmodel|tfjs)|saved_model\.pb|variables|tfjs)$/;
/** Beside config.pbtxt, as Triton has it. */
const WARM_UP_FOLDER = 'warmup';
const TEXT_BYTES_MAX = 1024 * 1024;

interface FileFact {
  path: string;
  bytes: number;
  changedMs: number;
}

export class RepositoryFolder {
  readonly root: string;

  /** `staging`: where the files of load requests are kept while their model is served. */
  constructor(
    root: string,
    private readonly staging: string,
    private readonly bytesMax: number,
  ) {
    this.root = resolve(root);
  }

  /** Model names, sorted. Throws not_found or invalid_argument where the repository is not a readable folder. */
  async names(): Promise<string[]> {
    const names = new Set<string>();
    for (const entry of await listing(this.root)) {
      if (!isModelName(entry.name)) continue;
      const bare = BARE.exec(entry.name)?.[1];
      if (entry.folder) names.add(entry.name);
      else if (bare !== undefined && isModelName(bare)) names.add(bare);
    }
    return [...names].sort().slice(0, MODELS_MAX);
  }

  /** Throws not_found, invalid_argument, corrupt. */
  async read(name: string): Promise<ModelFolder> {
    checkModelName(name);
    const folder = join(this.root, name);
    const kind = await kindOf(folder);
    if (kind === 'folder') return readModelFolder(name, folder);
    const file = `${name}.onnx`;
    if ((await kindOf(join(this.root, file))) === 'file') {
      return { name, folder: this.root, config: undefined, versions: [{ version: 1, folder: this.root, file }] };
    }
    throw new PlatformError('not_found', `the repository ${this.root} has no model '${name}'`);
  }

  /** Writes the files of a load request beside the repository's own. */
  async stage(name: string, key: string, files: ReadonlyMap<string, Uint8Array>): Promise<ModelFolder> {
    checkModelName(name);
    const folder = join(this.staging, key, name);
    await rm(folder, { recursive: true, force: true });
    const versions = new Set<number>();
    let total = 0;
    for (const [parameter, bytes] of files) {
      const { version, path } = overridePath(parameter);
      total += bytes.length;
      if (total > this.bytesMax) throw this.tooLarge(name, version, total);
      const target = join(folder, String(version), path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, bytes);
      versions.add(version);
    }
    return {
      name,
      folder,
      config: undefined,
      versions: [...versions]
        .sort((a, b) => a - b)
        .map((version) => ({ version, folder: join(folder, String(version)), file: undefined })),
    };
  }

  async unstage(key: string): Promise<void> {
    await rm(join(this.staging, key), { recursive: true, force: true });
  }

  /** What an earlier process left; before anything is staged. */
  clearStaging(): void {
    rmSync(this.staging, { recursive: true, force: true });
  }

  /** Refuses a version that is empty, too large, not what its SHA256SUMS says, or whose model SHA256SUMS leaves out. */
  async check(name: string, { version, folder, file }: VersionFolder, modelFile: string): Promise<void> {
    const files = await filesOf(folder, file);
    if (files.length === 0) throw new PlatformError('corrupt', `model '${name}' version ${version} has no files`);
    const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
    if (bytes > this.bytesMax) throw this.tooLarge(name, version, bytes);
    const sums = file === undefined ? await textOf(join(folder, SUMS_FILE)) : undefined;
    if (sums === undefined) return;
    const listed = new Set<string>();
    for (const line of sums.split('\n')) {
      if (line.trim() === '') continue;
      const [, expected = '', path = ''] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      const target = resolve(folder, path);
      if (expected === '' || !target.startsWith(`${folder}/`))
        throw new PlatformError('corrupt', `model '${name}' version ${version}: ${SUMS_FILE} has a wrong line`);
      const actual = await hashOf(target).catch((cause) => {
        throw new PlatformError(
          'corrupt',
          `model '${name}' version ${version}: ${path} of ${SUMS_FILE} cannot be read`,
          {
            cause,
          },
        );
      });
      listed.add(relative(folder, target));
      if (actual === expected) continue;
      throw new PlatformError(
        'corrupt',
        `model '${name}' version ${version}: ${path} has SHA-256 ${actual.slice(0, 12)}…, ${SUMS_FILE} says ${expected.slice(0, 12)}…`,
      );
    }
    const main = modelFile === '' ? undefined : relative(folder, resolve(folder, modelFile));
    const isModel = (path: string) =>
      main === undefined ? MODEL_PART.test(path.split(sep)[0] ?? '') : path === main || path.startsWith(main + sep);
    const left = files.find(({ path }) => isModel(path) && !listed.has(path));
    if (left) {
      throw new PlatformError(
        'corrupt',
        `model '${name}' version ${version}: ${SUMS_FILE} does not list ${left.path}, which is the model: add it`,
      );
    }
  }

  /** Changes when a file of the version, its size or its time changes; '' where the version has gone. */
  async fingerprint({ folder, file }: VersionFolder): Promise<string> {
    try {
      const files = await filesOf(folder, file);
      return files.map(({ path, bytes, changedMs }) => `${path}:${bytes}:${changedMs}`).join('|');
    } catch {
      // It was removed while it was read: the next look sees that it is gone.
      return '';
    }
  }

  /** Changes with the size or the time of a label file; '' where it is missing. */
  async labelFingerprint({ folder }: ModelFolder, file: string): Promise<string> {
    const fact = await factOf(folder, file).catch(() => undefined);
    return fact ? `${fact.bytes}:${fact.changedMs}` : '';
  }

  /** Lines of a label file beside config.pbtxt. Throws corrupt where it is missing or outside of the model's folder. */
  async labels({ name, folder }: ModelFolder, file: string): Promise<string[]> {
    const path = resolve(folder, file);
    const text = path.startsWith(`${resolve(folder)}/`) ? await textOf(path) : undefined;
    if (text === undefined)
      throw new PlatformError('corrupt', `model '${name}': the label file '${file}' is not there`);
    const lines = text.split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop();
    return lines;
  }

  /**
   * Fills in what the samples' files in <model>/warmup hold: exactly one row of their input. Throws corrupt where one
   * is missing, of another size or outside of that folder.
   */
  async warmUp({ name, folder }: ModelFolder, samples: readonly WarmUpSample[]): Promise<WarmUpSample[]> {
    const inputOf = async (sample: string, input: WarmUpSample['inputs'][number]) => {
      if (input.data !== 'file') return input;
      const { file = '', datatype, dims } = input;
      const fault = (what: string, cause?: unknown) =>
        new PlatformError(
          'corrupt',
          `model '${name}': ${WARM_UP_FOLDER}/${file} of the warm-up '${sample}', input '${input.name}', ${what}`,
          { cause },
        );
      const parent = join(resolve(folder), WARM_UP_FOLDER);
      const path = resolve(parent, file);
      if (!path.startsWith(parent + sep)) throw fault(`is outside of the model's folder ${WARM_UP_FOLDER}`);
      const max = warmUpFileBytes(input);
      const size = await stat(path).then(
        (facts) => (facts.isFile() ? facts.size : -1),
        () => -1,
      );
      if (size < 0) throw fault('is no file that is there');
      if (datatype === 'BYTES' ? size > max : size !== max) {
        throw fault(
          `has ${size} bytes, ${datatype} [${dims.join(',')}] takes ${datatype === 'BYTES' ? 'at most ' : ''}${max}`,
        );
      }
      const bytes = await readFile(path).catch((cause) => {
        throw fault('cannot be read', cause);
      });
      return { ...input, bytes: new Uint8Array(bytes) };
    };
    return Promise.all(
      samples.map(async (sample) => ({
        ...sample,
        inputs: await Promise.all(sample.inputs.map((input) => inputOf(sample.name, input))),
      })),
    );
  }

  private tooLarge(name: string, version: number, bytes: number): PlatformError {
    return new PlatformError(
      'corrupt',
      `model '${name}' version ${version} has ${bytes} bytes, at most ${this.bytesMax} are loaded (MILLRACE_SERVING_MODEL_BYTES)`,
    );
  }
}

async function readModelFolder(name: string, folder: string): Promise<ModelFolder> {
  const entries = await listing(folder);
  const numbered: VersionFolder[] = [];
  for (const entry of entries) {
    const version = entry.folder ? versionOfFolder(entry.name) : undefined;
    if (version !== undefined) numbered.push({ version, folder: join(folder, entry.name), file: undefined });
  }
  const plain = numbered.length === 0 && entries.some((entry) => MODEL_FILE.test(entry.name));
  const versions = plain ? [{ version: 1, folder, file: undefined }] : numbered;
  const path = join(folder, CONFIG_FILE);
  const text = await textOf(path);
  return {
    name,
    folder,
    config: text === undefined ? undefined : { text, path },
    versions: versions.sort((a, b) => a.version - b.version).slice(-VERSION_FOLDERS_MAX),
  };
}

async function listing(folder: string): Promise<{ name: string; folder: boolean }[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return await Promise.all(
      entries.map(async (entry) => ({
        name: entry.name,
        folder: entry.isSymbolicLink() ? (await kindOf(join(folder, entry.name))) === 'folder' : entry.isDirectory(),
      })),
    );
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new PlatformError('not_found', `there is no folder ${folder}`, { cause });
    if (code === 'ENOTDIR') throw new PlatformError('invalid_argument', `${folder} is no folder`, { cause });
    throw new PlatformError('permission_denied', `the folder ${folder} cannot be read (${code})`, { cause });
  }
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    // Not there, or a dangling link.
    return undefined;
  }
}

async function filesOf(folder: string, file: string | undefined): Promise<FileFact[]> {
  if (file !== undefined) return [await factOf(folder, file)];
  const entries = await readdir(folder, { recursive: true });
  if (entries.length > VERSION_FILES_MAX)
    throw new PlatformError(
      'corrupt',
      `${folder} has ${entries.length} files, at most ${VERSION_FILES_MAX} are loaded`,
    );
  const facts = await Promise.all(entries.sort().map((path) => factOf(folder, path).catch(() => undefined)));
  return facts.filter((fact) => fact !== undefined && fact.bytes >= 0) as FileFact[];
}

/** Folders count −1 bytes and are left out by the caller. */
async function factOf(folder: string, path: string): Promise<FileFact> {
  const facts = await stat(join(folder, path));
  return { path, bytes: facts.isDirectory() ? -1 : facts.size, changedMs: facts.mtimeMs };
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > TEXT_BYTES_MAX)
      throw new PlatformError('corrupt', `${path} has ${size} bytes, at most ${TEXT_BYTES_MAX} are read`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw PlatformError.from(error, 'corrupt');
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
