// Limits of every channel and server, in one place so that both ends agree.

import type { ChannelOptions } from '@grpc/grpc-js';

/** 16 MiB: a V2 request of 100k rows with 20 FP64 columns fits; larger ones are refused with `overloaded`. */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** A dead peer behind a silent network is noticed after KEEPALIVE_MS + KEEPALIVE_TIMEOUT_MS. */
const KEEPALIVE_MS = 20_000;
const KEEPALIVE_TIMEOUT_MS = 5_000;

export const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  'grpc.keepalive_time_ms': KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2000,
  // Subchannels are shared process-wide otherwise; a client of a test must not see another one's connection state.
  'grpc.use_local_subchannel_pool': 1,
};

export const SERVER_OPTIONS: ChannelOptions = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  'grpc.keepalive_time_ms': KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  'grpc.max_concurrent_streams': 10_000,
  'grpc.so_reuseport': 0,
};
