// What TensorFlow must find in the environment before its library is loaded. The number of threads changes the order of
// float sums, so it is fixed: the same data, seed and number of workers then give the same bits (measured with 2.18.1).

import { environment } from '@millrace/config';

export function prepareTensorFlow(device: string, gpu: number): void {
  const variables = environment() as Record<string, string | undefined>;
  variables.TF_NUM_INTRAOP_THREADS = '1';
  variables.TF_NUM_INTEROP_THREADS = '1';
  variables.TF_ENABLE_ONEDNN_OPTS = '0';
  variables.TF_DETERMINISTIC_OPS = '1';
  variables.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // TensorFlow takes all memory of every GPU it sees unless told otherwise, and tfjs the last of them.
  variables.TF_FORCE_GPU_ALLOW_GROWTH = 'true';
  variables.CUDA_VISIBLE_DEVICES = device === 'gpu' ? String(gpu) : '';
}
