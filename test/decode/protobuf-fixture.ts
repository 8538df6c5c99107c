// A .proto schema with a field of every kind, and payloads encoded by it.

import protobuf from 'protobufjs'
import 'protobufjs/ext/descriptor.js'

export const PROTO = `
syntax = "proto3";
package test.all;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

enum Color { UNKNOWN = 0; DARK_RED = 1; }

message Point { int32 x_pos = 1; optional int32 y_pos = 2; Point next = 3; bytes raw = 4; }

message All {
  double d = 1; float f = 2;
  int32 i32 = 3; int64 i64 = 4; uint32 u32 = 5; uint64 u64 = 6;
  sint32 s32 = 7; sint64 s64 = 8; fixed32 f32 = 9; fixed64 f64 = 10;
  sfixed32 sf32 = 11; sfixed64 sf64 = 12;
  bool b = 13; string str = 14; bytes raw = 15; Color color = 16;
  Point point = 17; repeated Point points = 18;
  repeated int64 longs = 19; repeated string strs = 20; repeated Color colors = 21;
  map<string, int64> counts = 22; map<int64, Point> places = 23; map<bool, Color> flags = 24;
  oneof choice { string first_name = 25; int32 number = 26; }
  optional int32 maybe = 27;
  google.protobuf.Timestamp at = 28;
  google.protobuf.Duration took = 29;
  google.protobuf.Struct doc = 30;
  google.protobuf.Int64Value boxed = 31;
  google.protobuf.Any any = 32;
  repeated google.protobuf.Timestamp times = 33;
}
`

export interface Schema {
  /** As protoc --include_imports writes it. */
  readonly descriptorSet: Uint8Array
  /** The payload of a message given in protobufjs's camel case. */
  payload(message: string, fields: Record<string, unknown>): Uint8Array
}

/** A schema of one file, which imports nothing but Google's own. */
export async function schemaOf(proto: string): Promise<Schema> {
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => target
  root.fetch = (_name, done) => {
    setImmediate(() => (done as (error: unknown, text: string) => void)(null, proto))
  }
  await root.load('schema.proto')
  root.resolveAll()
  const set = root.toDescriptor(proto.includes('"proto2"') ? 'proto2' : 'proto3')
  return {
    descriptorSet: (set.$type as protobuf.Type).encode(set).finish(),
    payload: (message, fields) => {
      const type = root.lookupType(message)
      return type.encode(type.fromObject(fields)).finish()
    }
  }
}

const all = await schemaOf(PROTO)

export const descriptorSet = (): Uint8Array => all.descriptorSet

export const payload = (fields: Record<string, unknown>, message = 'test.all.All'): Uint8Array =>
  all.payload(message, fields)
