// The files of a model that a person names: one .onnx file, or a folder that TensorFlow saved. What they hold is the
// trainer's to say.

import { readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { missingFile } from '@millrace/files';

export interface ModelFile {
  /** Its place in the model. */
  path: string;
  /** Absolute. */
  file: string;
}

const KINDS = 'name an .onnx file, or a SavedModel folder (with saved_model.pb in it)';

/** @throws PlatformError 'not_found', or 'invalid_argument' where it is neither */
export function modelFiles(path: string): ModelFile[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw missingFile(path, 'file or folder');
  if (found.isFile()) {
    if (found.size === 0) throw refused(`${path} is empty; ${KINDS}`);
    if (/\.onnx$/i.test(path)) return [{ path: 'model.onnx', file: path }];
    if (path.endsWith('saved_model.pb')) throw refused(`${path} is a part of a SavedModel; name its folder`);
    throw refused(`${path} is no model that can be registered; ${KINDS}. ${adviceFor(path)}`);
  }
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    // TensorFlow leaves empty markers; an upload has at least one byte, and nothing reads them.
    .filter((file) => statSync(file).size > 0)
    .map((file) => ({ path: relative(path, file).split(sep).join('/'), file }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  if (files.some((file) => file.path === 'saved_model.pb')) return files;
  const inside = files.map((file) => file.path);
  const onnx = inside.find((name) => name.endsWith('.onnx'));
  if (onnx !== undefined) throw refused(`${path} is a folder; name the file ${join(path, onnx)}`);
  const nested = inside.find((name) => name.endsWith('/saved_model.pb'));
  if (nested !== undefined) throw refused(`the SavedModel is ${join(path, nested.slice(0, -15))}; name that folder`);
  throw refused(`${path} holds no saved_model.pb; ${KINDS}`);
}

function adviceFor(path: string): string {
  if (/\.(?:pkl|pickle|joblib)$/i.test(path))
    return 'scikit-learn: skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})';
  if (/\.(?:pt|pth)$/i.test(path))
    return 'PyTorch: torch.onnx.export(model, x, "model.onnx", dynamic_axes={"x": {0: "n"}})';
  if (/\.(?:h5|keras)$/i.test(path)) return 'Keras: model.export("saved_model_dir")';
  if (/\.(?:json|ubj|bst|txt|model)$/i.test(path))
    return 'XGBoost, LightGBM: onnxmltools.convert_xgboost, convert_lightgbm';
  return 'Most libraries export ONNX';
}

function refused(what: string): PlatformError {
  return new PlatformError('invalid_argument', what);
}
