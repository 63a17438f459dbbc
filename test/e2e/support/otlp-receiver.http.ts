// A receiver of OTLP/HTTP traces (protobuf), as a collector would listen: keeps the spans it was sent.

import { createServer, type Server } from 'node:http';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';

// The part of opentelemetry.proto.collector.trace.v1 that the test reads, with its names and field numbers.
const PROTO = `
syntax = "proto3";
message AnyValue { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; }
message Link { bytes trace_id = 1; bytes span_id = 2; }
message Span { bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; repeated KeyValue attributes = 9; repeated Link links = 13; }
message ScopeSpans { repeated Span spans = 2; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
`;

export interface ReceivedSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  linkedTraceIds: string[];
}

const SPANS_MAX = 200_000;

export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  private readonly request = protobuf.parse(PROTO, { keepCase: false }).root.lookupType('ExportTraceServiceRequest');
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        if (request.url === '/v1/traces')
          this.keep(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      });
    });
  }

  static async listen(): Promise<{ receiver: OtlpReceiver; endpoint: string }> {
    const receiver = new OtlpReceiver();
    await new Promise<void>((listening) => receiver.server.listen(0, '127.0.0.1', listening));
    return { receiver, endpoint: `http://127.0.0.1:${(receiver.server.address() as { port: number }).port}` };
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private keep(body: Buffer): void {
    const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');
    const decoded = this.request.decode(body) as unknown as {
      resourceSpans: {
        resource?: { attributes: { key: string; value: { stringValue: string } }[] };
        scopeSpans: {
          spans: {
            traceId: Uint8Array;
            spanId: Uint8Array;
            parentSpanId: Uint8Array;
            name: string;
            links: { traceId: Uint8Array }[];
          }[];
        }[];
      }[];
    };
    for (const { resource, scopeSpans } of decoded.resourceSpans) {
      const service =
        resource?.attributes.find((attribute) => attribute.key === 'service.name')?.value.stringValue ?? '';
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        if (this.spans.length >= SPANS_MAX) return;
        this.spans.push({
          service,
          name: span.name,
          traceId: hex(span.traceId),
          spanId: hex(span.spanId),
          parentSpanId: hex(span.parentSpanId),
          linkedTraceIds: span.links.map((link) => hex(link.traceId)),
        });
      }
    }
  }
}
