// TensorFlow's two runtimes: SavedModels, and tfjs layers models (model.json). The library is 700 MB and is loaded with
// the first model, after the environment that it reads is set. Its calls hold the thread, so both run in engine
// processes.

import { environment } from '@millrace/config';
import { PlatformError } from '@millrace/domain';
import { firstOf, inVersion } from './model-files.fs.js';
import { FILE_PARAMETER, type ModelSource, type TensorEngine, type TensorRuntime } from './tensor-engine.js';

/** A SavedModel's folder, or what it holds where the version's folder is one itself. */
export const SAVED_MODEL_FILES = ['model.savedmodel', 'saved_model.pb'] as const;
/** tfjs writes model.json; packages of the platform keep it in tfjs/. */
export const LAYERS_MODEL_FILES = ['model.json', 'tfjs/model.json', 'model.tfjs/model.json'] as const;

function threads(source: ModelSource, key: string): string {
  const text = source.parameters[key] ?? '1';
  if (/^\d{1,3}$/.test(text)) return text;
  throw new PlatformError(
    'corrupt',
    `parameter '${key}' of model '${source.name}' is '${text}', expected a whole number`,
  );
}

/** Must run before the library is loaded; a process serves one model, so its first one decides. */
function prepareLibrary(source: ModelSource): void {
  const variables = environment() as Record<string, string | undefined>;
  // One thread unless the configuration says more, under the names of Triton's TensorFlow backend.
  variables.TF_NUM_INTRAOP_THREADS ??= threads(source, 'TF_NUM_INTRA_THREADS');
  variables.TF_NUM_INTEROP_THREADS ??= threads(source, 'TF_NUM_INTER_THREADS');
  variables.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // TensorFlow takes all memory of every GPU it sees unless told otherwise. An engine process sees one GPU or none.
  variables.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  if (source.gpu === undefined) variables.CUDA_VISIBLE_DEVICES = '';
}

async function loaded(path: string, load: () => Promise<TensorEngine>): Promise<TensorEngine> {
  try {
    return await load();
  } catch (thrown) {
    if (thrown instanceof PlatformError) throw thrown;
    const missing =
      (thrown as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND' || String(thrown).includes('tfjs_binding');
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    if (missing) {
      throw new PlatformError('unavailable', 'TensorFlow is not set up on this machine; run `npm run doctor`', {
        cause: thrown,
      });
    }
    throw new PlatformError('corrupt', `TensorFlow cannot load '${path}': ${reason}`, { cause: thrown });
  }
}

export const savedModelRuntime: TensorRuntime = {
  platform: 'tensorflow_savedmodel',
  backends: ['tensorflow'],
  defaultFile: 'model.savedmodel',
  mayStayInside: false,
  declaresBatch: true,
  async load(source) {
    const named = source.parameters[FILE_PARAMETER];
    const found = named || firstOf(source.folder, SAVED_MODEL_FILES) || SAVED_MODEL_FILES[0];
    const file = inVersion(source, found);
    const folder = found.endsWith('saved_model.pb') ? source.folder : file;
    prepareLibrary(source);
    return loaded(folder, async () => {
      const { openSavedModel } = await import('./saved-model.tf.js');
      return openSavedModel(folder, {
        signature: source.parameters.TF_SIGNATURE_DEF,
        tags: source.parameters.TF_GRAPH_TAG ?? 'serve',
      });
    });
  },
};

export const layersModelRuntime: TensorRuntime = {
  platform: 'tfjs_layers',
  backends: ['tfjs'],
  defaultFile: 'model.json',
  mayStayInside: false,
  declaresBatch: true,
  async load(source) {
    const found = firstOf(source.folder, LAYERS_MODEL_FILES) ?? LAYERS_MODEL_FILES[0];
    const path = inVersion(source, source.parameters[FILE_PARAMETER] || found);
    prepareLibrary(source);
    return loaded(path, async () => {
      const { openLayersModel } = await import('./layers-model.tf.js');
      return openLayersModel(path);
    });
  },
};
