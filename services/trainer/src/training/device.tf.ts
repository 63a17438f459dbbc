// Which device TensorFlow computes on in this process.

import * as tf from '@tensorflow/tfjs-node-gpu';

/** "gpu" where TensorFlow found one, else "cpu"; and the library's version. */
export function deviceOfTensorFlow(): { device: 'cpu' | 'gpu'; library: string } {
  const backend = tf.backend() as unknown as { isGPUPackage?: boolean; isUsingGpuDevice?: boolean };
  return {
    device: backend.isUsingGpuDevice === true ? 'gpu' : 'cpu',
    library: tf.version['tfjs-node'] ?? tf.version_core,
  };
}
