/** Holds our part of containerd's API to containerd's own files: see facts.ts for what is compared. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { contradictions, type Facts, loadFacts, parseFacts } from "./facts.ts";
import { officialProtos } from "./official.ts";

const here = import.meta.dirname;

function officialFacts(): Facts {
  const { files, resolveImport } = officialProtos();
  return withEnvelopeAsIn16(loadFacts(files, resolveImport));
}

/** containerd 1.7 moved the envelope to another package, with its fields; messages have no name on the wire. */
function withEnvelopeAsIn16(facts: Facts): Facts {
  const before = "containerd.services.events.v1.Envelope";
  if (facts.has(before)) return facts;
  const rename = (text: string) => text.replace("containerd.types.Envelope", before);
  return new Map([...facts].map(([name, fact]) => [rename(name), rename(fact)]));
}

describe("our part of containerd's API", () => {
  const files = globSync("{containerd,google}/**/*.proto", { cwd: here }).map((path) => join(here, path));

  const ours = loadFacts(files, (target) => join(here, target));

  it("says nothing that containerd's own files do not say", () => {
    assert.deepEqual(contradictions(ours, officialFacts()), []);
  });

  it("is compared to the last line", () => {
    const declaration = /^\s*(?:(?:message|enum|service|rpc) \w+.*|.* = \d+;)$/;
    const lines = files.flatMap((file) => readFileSync(file, "utf8").split("\n"));
    assert.equal(ours.size, lines.filter((line) => declaration.test(line)).length);
  });
});

describe("the comparison", () => {
  const official = officialFacts();
  const declare = (name: string, body: string) => parseFacts(`syntax = "proto3"; package ${name}; ${body}`);
  const complaints: [what: string, ours: Facts, about: string][] = [
    ["a wrong number", declare("containerd.types", "message Mount { string source = 3; }"), "Mount.source"],
    ["a wrong type", declare("containerd.types", "message Descriptor { int32 size = 3; }"), "Descriptor.size"],
    ["a signed number", declare("containerd.services.tasks.v1", "message StartResponse { int32 pid = 1; }"), "pid"],
    ["a missing repeated", declare("containerd.types", "message Mount { string options = 4; }"), "Mount.options"],
    ["an added repeated", declare("containerd.types", "message Mount { repeated string type = 1; }"), "Mount.type"],
    ["a map as a string", declare("containerd.types", "message Descriptor { string annotations = 5; }"), "annotations"],
    ["a wrong map", declare("containerd.types", "message Descriptor { map<string, bytes> annotations = 5; }"), "annot"],
    ["a new oneof", declare("containerd.types", "message Mount { oneof a { string type = 1; } }"), "Mount.type"],
    ["an unknown field", declare("containerd.types", "message Mount { string label = 9; }"), "Mount.label"],
    ["an unknown message", declare("containerd.types", "message Mounts {}"), "Mounts"],
    ["an unknown package", declare("containerd.type", "message Mount {}"), "containerd.type.Mount"],
    ["a wrong enum value", declare("containerd.v1.types", "enum Status { PAUSED = 0; }"), "Status.PAUSED"],
    ["an unknown service", declare("containerd.services.tasks.v1", "service Task {}"), "v1.Task"],
    [
      "an unknown method",
      declare("containerd.services.version.v1", "message A {} service Version { rpc Get(A) returns (A); }"),
      "Version/Get",
    ],
    [
      "a method of other types",
      declare(
        "containerd.services.tasks.v1",
        "message StartRequest {} service Tasks { rpc Start(StartRequest) returns (StartRequest); }",
      ),
      "Tasks/Start",
    ],
    [
      "a missing stream",
      declare(
        "containerd.services.events.v1",
        "message SubscribeRequest {} message Envelope {} service Events { rpc Subscribe(SubscribeRequest) returns (Envelope); }",
      ),
      "Events/Subscribe",
    ],
  ];
  for (const [what, ours, about] of complaints) {
    it(`finds ${what}`, () => {
      const found = contradictions(ours, official);
      assert.ok(
        found.some((line) => line.includes(about)),
        `nothing about ${about} in ${JSON.stringify(found)}`,
      );
    });
  }

  it("is content with a part of the truth", () => {
    const ours = declare("containerd.types", "message Mount { repeated string options = 4; }");
    assert.deepEqual(contradictions(ours, official), []);
  });

  it("fails where there is nothing to compare with, and says what to install", () => {
    assert.throws(
      () => officialProtos(join(here, "nowhere")),
      /apt-get install golang-github-containerd-containerd-dev/,
    );
  });
});
