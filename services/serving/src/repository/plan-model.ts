// From a model's folder, or from what a load request brought, to a plan: configuration read, versions chosen by its
// policy, and for each a way to load it. Nothing is loaded here; the ports do what touches files and engines.

import { PlatformError } from '@millrace/domain';
import type { WarmUpSample } from '../declaration/model-spec.js';
import type { LogLine } from '../models/load-queue.js';
import type { ModelPlan } from '../models/model-plan.js';
import type { LoadParameters } from '../models/repository-control.js';
import type { ModelRepository } from '../models/repository-models.js';
import type { ServedModel } from '../models/served-model.js';
import { FILE_PARAMETER } from '../runtime/tensor-engine.js';
import type { Labels } from './auto-complete.js';
import { chooseVersions, type ModelFolder, type VersionFolder } from './model-folder.js';
import { emptyDraft, type SpecDraft } from './spec-draft.js';

/** repository-folder.fs.ts. */
export interface ModelFiles {
  names(): Promise<string[]>;
  read(name: string): Promise<ModelFolder>;
  stage(name: string, key: string, files: ReadonlyMap<string, Uint8Array>): Promise<ModelFolder>;
  unstage(key: string): Promise<void>;
  /** `modelFile`: what the configuration names as the model's file or folder; '' = nothing. */
  check(name: string, version: VersionFolder, modelFile: string): Promise<void>;
  fingerprint(version: VersionFolder): Promise<string>;
  /** Of a label file beside config.pbtxt: changes with its size and time. */
  labelFingerprint(model: ModelFolder, file: string): Promise<string>;
  labels(model: ModelFolder, file: string): Promise<string[]>;
  /** The samples with what their files hold. */
  warmUp(model: ModelFolder, samples: readonly WarmUpSample[]): Promise<WarmUpSample[]>;
}

interface ReadDraft {
  draft: SpecDraft;
  notices: readonly string[];
}

export interface RepositoryPorts {
  files: ModelFiles;
  draftFromText(text: string, path: string, model: string): ReadDraft;
  draftFromJson(json: string, model: string): ReadDraft;
  /** Opens the engine, completes the configuration, warms up. */
  open(draft: SpecDraft, version: VersionFolder, labels: Labels): Promise<ServedModel>;
  /** A model made of others; no files. */
  ensemble(draft: SpecDraft, version: number, labels: Labels): Promise<ServedModel>;
  log: LogLine;
}

export class PlannedRepository implements ModelRepository {
  private staged = 0;

  constructor(private readonly ports: RepositoryPorts) {}

  names(): Promise<string[]> {
    return this.ports.files.names();
  }

  async fingerprint(name: string): Promise<string | undefined> {
    try {
      return await this.fingerprintOf(await this.ports.files.read(name));
    } catch {
      // Not there, or not readable now: whoever loads it is told why.
      return undefined;
    }
  }

  async plan(name: string, { config, files }: LoadParameters): Promise<ModelPlan> {
    const key = String(++this.staged);
    const release = async () => {
      if (files.size > 0) await this.ports.files.unstage(key);
    };
    try {
      const folder =
        files.size > 0 ? await this.ports.files.stage(name, key, files) : await this.ports.files.read(name);
      const explicit = config !== undefined || files.size > 0;
      const fingerprint = explicit ? undefined : await this.fingerprintOf(folder);
      return { ...(await this.planFrom(folder, config)), fingerprint, release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  private async planFrom(
    folder: ModelFolder,
    json: string | undefined,
  ): Promise<Pick<ModelPlan, 'name' | 'versions' | 'labels' | 'parts'>> {
    const { name } = folder;
    const written = this.draftOf(folder, json);
    const draft = { ...written, warmUp: await this.ports.files.warmUp(folder, written.warmUp) };
    const available = folder.versions.length === 0 && draft.ensemble ? [ensembleFolder(folder)] : folder.versions;
    if (available.length === 0) {
      throw new PlatformError(
        'invalid_argument',
        `model '${name}' has no version: ${folder.folder} needs a folder 1 with the model's file`,
      );
    }
    const labels = await this.labelsOf(folder, draft);
    const chosen = chooseVersions(
      name,
      draft.versionPolicy,
      available.map(({ version }) => version),
    );
    const strays = Object.entries(draft.versionLabels).filter(([, version]) => !chosen.includes(version));
    if (strays.length > 0) {
      const [label, version] = strays[0] as [string, number];
      throw new PlatformError(
        'invalid_argument',
        `model '${name}': the label '${label}' stands for version ${version}, which is not served (${chosen.join(', ')} are)`,
      );
    }
    const versions = available.filter(({ version }) => chosen.includes(version));
    return {
      name,
      labels: draft.versionLabels,
      parts: [...new Set(draft.ensemble?.map(({ model }) => model) ?? [])],
      versions: versions.map((version) => ({
        version: version.version,
        load: () => this.loadVersion(draft, version, labels),
      })),
    };
  }

  private draftOf({ name, config }: ModelFolder, json: string | undefined): SpecDraft {
    if (json === undefined && !config) return emptyDraft(name);
    const { draft, notices } =
      json === undefined
        ? this.ports.draftFromText(config?.text ?? '', config?.path ?? '', name)
        : this.ports.draftFromJson(json, name);
    for (const notice of notices) this.ports.log('info', notice, { model: name });
    return draft;
  }

  private async labelsOf(folder: ModelFolder, { outputs }: SpecDraft): Promise<Labels> {
    const labels: Record<string, readonly string[]> = {};
    for (const { name, labelFile } of outputs) {
      if (labelFile !== '') labels[name] = await this.ports.files.labels(folder, labelFile);
    }
    return labels;
  }

  private async loadVersion(draft: SpecDraft, version: VersionFolder, labels: Labels): Promise<ServedModel> {
    if (draft.ensemble) return this.ports.ensemble(draft, version.version, labels);
    await this.ports.files.check(draft.name, version, draft.parameters[FILE_PARAMETER] ?? '');
    const { file } = version;
    const named = file === undefined || draft.parameters[FILE_PARAMETER] !== undefined;
    const own = named ? draft : { ...draft, ...bareFile(draft, file) };
    try {
      return await this.ports.open(own, version, labels);
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.code !== 'internal') throw error;
      // The model's own code or file failed, not serving.
      throw new PlatformError(
        'corrupt',
        `model '${draft.name}' version ${version.version} failed: ${causeOf(thrown)}`,
        {
          cause: thrown,
        },
      );
    }
  }

  private async fingerprintOf(folder: ModelFolder): Promise<string> {
    const { config, versions } = folder;
    const parts = await Promise.all(
      versions.map(async (version) => `${version.version}/${await this.ports.files.fingerprint(version)}`),
    );
    const labels = await Promise.all(
      this.labelFilesOf(folder).map(async (file) => `${file}/${await this.ports.files.labelFingerprint(folder, file)}`),
    );
    return [config?.text ?? '', ...parts, ...labels].join('\n');
  }

  /**
   * Told from the text, because this is asked at every look at the folder; what is wrong in it is for the load to say.
   */
  private labelFilesOf({ name, config }: ModelFolder): string[] {
    if (!config?.text.includes('label_filename')) return [];
    try {
      const { outputs } = this.ports.draftFromText(config.text, config.path, name).draft;
      return outputs.map(({ labelFile }) => labelFile).filter((file) => file !== '');
    } catch {
      return [];
    }
  }
}

const REASON_CHARACTERS_MAX = 512;

function causeOf(thrown: unknown): string {
  const reason =
    thrown instanceof PlatformError ? thrown.reason : thrown instanceof Error ? thrown.message : String(thrown);
  return reason.slice(0, REASON_CHARACTERS_MAX);
}

/** A bare file's name says how to run it: only ONNX files are taken bare. */
function bareFile(draft: SpecDraft, file: string): Pick<SpecDraft, 'backend' | 'parameters'> {
  return { backend: draft.backend || 'onnxruntime', parameters: { ...draft.parameters, [FILE_PARAMETER]: file } };
}

/** An ensemble needs no files; git keeps no empty version folder. */
function ensembleFolder({ folder }: ModelFolder): VersionFolder {
  return { version: 1, folder, file: undefined };
}
