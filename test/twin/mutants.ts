// biome-ignore-all lint/suspicious/noTemplateCurlyInString: pieces of source that hold template strings
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewaySource } from './twins.ts';

/** One rule switched off by a change of a few characters. */
export interface Mutant extends Change {
  readonly name: string;
  /** What no longer holds. */
  readonly off: string;
  /** The check that is to catch it, or how its name begins; it is tried first. */
  readonly by: string;
  /** Where the same rule is applied once more. */
  readonly also?: Change;
}

interface Change {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const folder = join(import.meta.dirname, '../../.cache/mutants');

export const mutants: readonly Mutant[] = [
  {
    name: 'references-stay',
    by: 'LC-57',
    off: 'references to what is hidden are cut',
    file: 'enforce/view.ts',
    find: '    if (mayStand(site)) continue;',
    replace: '    if (mayStand(site) || site.node > 0) continue;',
  },
  {
    name: 'narrative-stays',
    by: 'LC-61',
    off: 'narrative is left out',
    file: 'enforce/view.ts',
    find: "if (settings.narrative === 'omit' ||",
    replace: "if (settings.narrative === 'keep' ||",
  },
  {
    name: 'unknown-elements-stay',
    by: 'LC-78',
    off: 'elements that R4 does not have are left out',
    file: 'enforce/view.ts',
    find: '  cutUnknownNames(tape, node, edits);\n',
    replace: '',
  },
  {
    name: 'group-quantity-stays',
    by: 'LC-75',
    off: 'Group.quantity is left out',
    file: 'enforce/view.ts',
    find: "if (reading.facts.type === 'Group')",
    replace: "if (reading.facts.type === 'Grouping')",
  },
  {
    name: 'source-stays',
    by: 'LC-86',
    off: 'meta.source is left out',
    file: 'enforce/view.ts',
    find: '  cutMember(tape, meta, names.source, edits);\n',
    replace: '',
  },
  {
    name: 'tags-stay',
    by: 'LC-86',
    off: 'meta.tag is reduced',
    file: 'enforce/view.ts',
    find: "shownTagSystems.includes(tape.text(tape.member(item, names.system)) ?? '')",
    replace: "shownTagSystems.length >= 0 || tape.text(item) === ''",
  },
  {
    name: 'profiles-stay',
    by: 'LC-86',
    off: 'meta.profile is reduced',
    file: 'enforce/view.ts',
    find: 'return profile !== undefined && shownProfiles.some(',
    replace: 'return profile !== undefined || shownProfiles.some(',
  },
  {
    name: 'alteration-marks-stay',
    by: 'LC-82',
    off: 'REDACTED and its like are not shown',
    file: 'enforce/view.ts',
    find: "new Set(['REDACTED', 'MASKED', 'SUBSETTED', 'PROCESSINLINELABEL'])",
    replace: 'new Set<string>([])',
  },
  {
    name: 'stored-version-id',
    by: 'LC-14',
    off: 'ETag and versionId name the view',
    file: 'enforce/view.ts',
    find: 'const versionId = nameVersion(resource, settings, edits);\n  const meta',
    replace:
      "const versionId = tape.text(tape.member(tape.member(node, names.meta), names.versionId)) ?? '';\n  const meta",
  },
  {
    name: 'all-or-nothing-is-cut',
    by: 'LC-68',
    off: 'claims and documents are withheld as a whole',
    file: 'enforce/view.ts',
    find: 'if (allOrNothingTypes.has(reading.facts.type)) return false;',
    replace: '',
  },
  {
    name: 'ranks-show-gaps',
    by: 'LC-60',
    off: 'a list with ranks goes whole',
    file: 'enforce/remove.ts',
    find: 'if (!ordinal && survivors(tape, parent, edits)) return true;',
    replace: 'if (survivors(tape, parent, edits)) return true;',
  },
  {
    name: 'required-reference-stays-open',
    by: 'LC-59',
    off: 'what is required takes its parent with it',
    file: 'enforce/remove.ts',
    find: '?.required === true || isNeeded(owner, name)) {',
    replace: '?.required === undefined) {',
  },
  {
    name: 'labels-not-inherited',
    by: 'LC-01',
    off: 'labels of a visit cover what was recorded in it',
    file: 'discover/visibility.ts',
    find: '  #inheritLabels(): void {\n    for (let changed = true;',
    replace: '  #inheritLabels(): void {\n    for (let changed = false;',
  },
  {
    name: 'hidden-does-not-spread',
    by: 'LC-67',
    off: 'what requires a hidden thing is hidden',
    file: 'discover/visibility.ts',
    find: '    this.#hideWhatRequiresHidden();\n',
    replace: '',
  },
  {
    name: 'absent-is-known',
    by: 'LC-67',
    off: 'what is absent is treated like what is withheld',
    file: 'discover/visibility.ts',
    find: 'if (item === undefined) return directoryTypes.has(typeOf(key));',
    replace: 'if (item === undefined) return true;',
  },
  {
    name: 'old-versions-lose-labels',
    by: 'LC-14',
    off: 'a later label covers the versions before it',
    file: 'discover/visibility.ts',
    find: 'later = [{ ...item, own: withInline(item.own), labels: withInline(item.labels) }];',
    replace: 'later = [];',
  },
  {
    name: 'history-not-collapsed',
    by: 'LC-14',
    off: 'runs of equal views are one version',
    file: 'discover/history.ts',
    find: 'if (distinct.at(-1)?.view.versionId === view.view.versionId) distinct[distinct.length - 1] = view;\n    else distinct.push(view);',
    replace: 'distinct.push(view);',
  },
  {
    name: 'own-labels-ignored',
    by: 'LC-01',
    off: 'meta.security counts',
    file: 'label/effective.ts',
    find: '  for (const label of inputs.own) readOwn(label, gathered, settings);\n',
    replace: '',
  },
  {
    name: 'codes-not-classified',
    by: 'LC-66',
    off: 'codes that speak are labels',
    file: 'label/effective.ts',
    find: "gathered.topic(topic, 'code', rule);",
    replace: 'void [topic, rule];',
  },
  {
    name: 'unknown-labels-ignored',
    by: 'LC-66',
    off: 'a label nobody knows restricts',
    file: 'label/effective.ts',
    find: "gathered.levels.push('R');\n    gathered.unknown(system);",
    replace: 'gathered.unknown(system);',
  },
  {
    name: 'sensitive-actors-ignored',
    by: 'LC-71',
    off: 'naming a Part 2 program is a label',
    file: 'label/effective.ts',
    find: 'if (settings.programs.has(actor)) gathered',
    replace: "if (actor === '') gathered",
  },
  {
    name: 'contained-not-read',
    by: 'LC-64',
    off: 'contained resources are labelled by their codes',
    file: 'label/read.ts',
    find: 'else if (name === names.text) this.#referencesIn(member);',
    replace: 'else if (name === names.text || name === names.contained) this.#referencesIn(member);',
  },
  {
    name: 'questionnaires-ignored',
    by: 'LC-70',
    off: 'a questionnaire tells of what it asks',
    file: 'label/deep.ts',
    find: 'if (hasCanonical) this.#readCanonicals(resource, findings);',
    replace: '',
  },
  {
    name: 'inline-labels-ignored',
    by: 'LC-66',
    off: 'inline labels count',
    file: 'label/read.ts',
    find: 'else if (parts === part.url) this.#inlineLabel(node);',
    replace: '',
  },
  {
    name: 'versioned-references-stay',
    by: 'LC-57',
    off: 'a reference to a version is a reference',
    file: 'label/read.ts',
    find: "const form = key !== undefined ? 'local'",
    replace: "if (text.includes('/_history/')) return;\n    const form = key !== undefined ? 'local'",
  },
  {
    name: 'total-counts-candidates',
    by: 'LC-18',
    off: 'the total counts what is visible',
    file: 'discover/search.ts',
    find: 'countAll || isWhole ? counted : undefined',
    replace: 'countAll || isWhole ? counted + world.withheld.size : undefined',
  },
  {
    name: 'pages-not-filled',
    by: 'LC-19',
    off: 'a page is filled with visible matches',
    file: 'discover/search.ts',
    find: 'if (matches.length < plan.pageSize &&',
    replace: 'if (matches.length + world.withheld.size < plan.pageSize &&',
  },
  {
    name: 'next-link-without-look-ahead',
    by: 'LC-20',
    off: 'a next link leads to a visible match',
    file: 'discover/search.ts',
    find: 'included: also, total, next, announced };',
    replace:
      'included: also, total, announced, next: next ?? (start === undefined && world.withheld.size > 0 ? { source: 0, cursor: undefined, skip: 0 } : undefined) };',
  },
  {
    name: 'local-criteria-not-checked',
    by: 'negation',
    off: 'negative criteria are decided on the view',
    file: 'discover/search.ts',
    find: 'for (const criterion of local) if',
    replace: 'for (const criterion of local.slice(0, 0)) if',
  },
  {
    name: 'cut-criteria-not-checked-again',
    by: 'LC-30',
    off: 'a criterion that read something cut is tried again',
    file: 'discover/search.ts',
    find: 'if (meetsCut && !criterion',
    replace: 'if (!meetsCut && !criterion',
  },
  {
    name: 'encounters-always-released',
    by: 'LC-01',
    off: 'Encounters are decided on',
    file: 'decide/decide.ts',
    find: '  decide(candidate: Candidate): Decision {\n',
    replace:
      "  decide(candidate: Candidate): Decision {\n    if (candidate.facts.type === 'Encounter') return release(reason('unrestricted', 1));\n",
  },
  {
    name: 'negation-sent-upstream',
    by: 'LC-32',
    off: 'negation is not sent to the FHIR server',
    file: 'plan/criterion.ts',
    find: '    sendable: false,\n    self: [`${parameter.name}:missing`, raw],',
    replace: '    sendable: true,\n    self: [`${parameter.name}:missing`, raw],',
  },
  {
    name: 'labels-searched-upstream',
    by: 'LC-36',
    off: '_security is decided on what is shown',
    file: 'plan/criterion.ts',
    find: 'sendable: !negated && !parameter.local && isUnderstood(',
    replace: 'sendable: !negated && isUnderstood(',
  },
  {
    name: 'sort-by-what-is-cut',
    by: 'LC-37',
    off: 'nothing is sorted by what may be cut',
    file: 'plan/result-parameters.ts',
    find: 'const mayBeCut = parameter.removable || ',
    replace: 'const mayBeCut = ',
  },
  {
    name: 'included-not-within-scope',
    by: 'LC-151',
    off: 'an included resource is within the scope',
    file: 'discover/search.ts',
    find: '    return visible !== undefined && isGranted(visible, world) ? visible : [];',
    replace: '    return visible !== undefined ? visible : [];',
  },
  {
    name: 'included-from-the-stored',
    by: 'LC-30',
    off: 'includes follow the references of the view',
    file: 'discover/search.ts',
    find: 'copy = visible.item.content.release(visible.decision, visible.view.edits).parsed();',
    replace:
      'copy = visible.item.content.release(visible.decision, new (visible.view.edits.constructor as never)()).parsed();',
  },
  {
    name: 'empty-hop-restricts-nothing',
    by: 'a chain that',
    off: 'a chain that finds nothing matches nothing',
    file: 'plan/criterion.ts',
    find: "return { parameter: '_id', forward: ['_id', unmatchableId], paths: [`${type}.id`], matches: () => false };",
    replace:
      "return { parameter: '_id', forward: ['_count', '1000'], paths: [`${type}.id`], matches: () => unmatchableId !== type };",
  },
  {
    name: 'compartment-root-not-checked',
    by: 'LC-53 a withheld',
    off: 'a compartment needs a visible root',
    file: 'discover/search.ts',
    find: '  await requireVisibleRoot(plan, world);\n',
    replace: '',
  },
  {
    name: 'patient-binding-ignored',
    by: 'LC-54',
    off: 'a patient scope reaches one patient',
    file: 'discover/search.ts',
    find: 'if (patient !== undefined && !isOf(patient, facts)) return false;',
    replace: 'if (patient !== undefined && !isOf(patient, facts) && patient.length === 0) return false;',
  },
  {
    name: 'granular-scope-ignored',
    by: 'LC-151',
    off: 'a granular scope reaches what it names',
    file: 'discover/search.ts',
    find: 'if (query.length === 0) return true;',
    replace: 'if (query.length >= 0) return true;',
  },
  {
    name: 'scopes-of-hops-ignored',
    by: 'LC-151 what',
    off: 'a chain needs the scope of what it leads through',
    file: 'plan/authorize.ts',
    find: 'if (!attempts.some(succeeds)) attempts[0]?.();',
    replace: 'void [attempts, succeeds];',
  },
  {
    name: 'role-kinds-ignored',
    by: 'a role',
    off: 'a role is refused kinds of data',
    file: 'plan/authorize.ts',
    find: 'if (!policy.permitsRequest(context, interaction, type).allowed)',
    replace: 'if (policy.permitsRequest(context, interaction, type) === undefined)',
  },
  {
    name: 'page-token-not-bound',
    by: 'LC-25 some',
    off: 'a page token is bound to who got it',
    file: 'discover/page-token.ts',
    find: "return createHash('sha256').update(binding).digest();",
    replace: "return createHash('sha256').update(binding.slice(0, 0)).digest();",
  },
  {
    name: 'page-token-not-padded',
    by: 'LC-19',
    off: 'every page token has one length',
    file: 'discover/page-token.ts',
    find: 'const plain = Buffer.alloc(size, 0x20);',
    replace: 'const plain = Buffer.alloc(Math.min(size, Buffer.byteLength(json)), 0x20);',
  },
  {
    name: 'forbidden-instead-of-absent',
    by: 'LC-01',
    off: 'a withheld resource reads like an absent one',
    file: 'discover/read.ts',
    find: '    world.withheld.add(item);\n    await world.visibility.establishAny();\n    return undefined;',
    replace: '    throw Object.assign(new Error(), { code: world.withheld });',
  },
  {
    name: 'absence-has-variants',
    by: 'LC-01',
    off: 'every "not there" is the same bytes',
    file: 'enforce/assemble.ts',
    find: 'const key = `${code} ${about ??',
    replace:
      "if (code === 'not-found') about = String(Math.floor(Math.random() * 10_000));\n  const key = `${code} ${about ??",
  },
  {
    name: 'conditional-on-stored-version',
    by: 'LC-89',
    off: 'conditions are decided on the view',
    file: 'routes.ts',
    find: "const unchanged = plan.outcome === 'read' && isUnchanged(plan, versionId, lastUpdated);",
    replace:
      "const unchanged = plan.outcome === 'read' && isUnchanged(plan, visible.item.reading.facts.versionId, lastUpdated);",
  },
  {
    name: 'projection-before-decision',
    by: 'LC-39',
    off: 'a projection is the last cut',
    file: 'routes.ts',
    find: "if (plan === undefined || plan.projection.kind === 'whole')",
    replace:
      "if (plan !== undefined && plan.projection.kind !== 'whole') return item.content.release(decision, new (view.edits.constructor as never)());\n  if (plan === undefined || plan.projection.kind === 'whole')",
  },
  {
    name: 'deny-ignored',
    by: 'LC-01',
    off: 'a Consent may deny',
    file: 'decide/decide.ts',
    find: "if (ruling.answer === 'deny') return withhold(consentReason('consent-deny', 5,",
    replace: "if (ruling.answer === ('never' as string)) return withhold(consentReason('consent-deny', 5,",
  },
  {
    name: 'purposes-ignored',
    by: 'what a Consent',
    off: 'a Consent is for a purpose',
    file: 'decide/match.ts',
    find: '  if (!purposeCovers(rule, asked)) return false;\n',
    replace: '',
  },
  {
    name: 'recipients-ignored',
    by: 'what a Consent',
    off: 'a Consent names who may receive',
    file: 'decide/actors.ts',
    find: "  if (named.length === 0) return ofPart(actors, 'grantor')",
    replace: "  if (named.length >= 0) return 'yes';\n  if (named.length === 0) return ofPart(actors, 'grantor')",
  },
  {
    name: 'expiry-ignored',
    by: 'what a Consent',
    off: 'a Consent ends',
    file: 'decide/families.ts',
    find: 'return period !== undefined && period.end < at;',
    replace: 'return period !== undefined && period.end < 0;',
    // Its period is looked at twice: as a Consent's and as a provision's.
    also: {
      file: 'decide/match.ts',
      find: "return period.start <= at && at <= period.end ? 'yes' : 'no';",
      replace: "return period.start <= at ? 'yes' : 'no';",
    },
  },
  {
    name: 'status-ignored',
    by: 'what a Consent',
    off: 'a revoked Consent permits nothing',
    file: 'decide/families.ts',
    find: "  if (consent.status !== 'active') return 'status';\n",
    replace: '',
  },
  {
    name: 'custodian-ignored',
    by: 'what a Consent',
    off: 'a foreign organization permits nothing here',
    file: 'decide/families.ts',
    find: 'mayPermit: by === undefined && !isForeign,',
    replace: 'mayPermit: by === undefined,',
  },
  {
    name: 'confidentiality-ceiling-ignored',
    by: 'what a Consent',
    off: 'a permit reaches up to its level',
    file: 'decide/match.ts',
    find: "atMost(level, ceiling)) ? 'yes' : 'no';",
    replace: "atMost(level, ceiling)) ? 'yes' : 'yes';",
  },
  {
    name: 'part2-needs-no-signature',
    by: 'what a Consent',
    off: 'a Part 2 Consent has its written elements',
    file: 'decide/part2-elements.ts',
    find: "  if (!written.hasSource) lacks.push('signature');\n",
    replace: '',
  },
  {
    name: 'adolescent-label-ignored',
    by: 'what a ward',
    off: 'what a minor keeps to herself is not her guardian’s',
    file: 'decide/decide.ts',
    find: "if (bears('ADOL')) return",
    replace: "if (bears('NEVER')) return",
  },
  {
    name: 'notes-like-any-topic',
    by: 'what a ward',
    off: 'counseling and psychotherapy notes are kept apart',
    file: 'decide/decide.ts',
    find: 'if (!this.#settings.representativesSeeNotes && topics.some(',
    replace: 'if (this.#settings.representativesSeeNotes && topics.some(',
  },
  {
    name: 'purpose-from-a-header',
    by: 'LC-149',
    off: 'a header adds no purpose',
    file: 'context/context.ts',
    find: "  if (chosen.some((code) => !stated.includes(code))) throw new GatewayError('purpose-not-accepted');\n",
    replace: '',
  },
  {
    name: 'lenient-by-default',
    by: 'LC-35',
    off: 'unknown parameters are refused',
    file: 'plan/negotiate.ts',
    find: "return preferences.includes('handling=lenient') && !preferences.includes('handling=strict');",
    replace: "return !preferences.includes('handling=strict');",
  },
  {
    name: 'upstream-base-shown',
    by: 'LC-72',
    off: 'the upstream base stays inside',
    file: 'enforce/view.ts',
    find: '  rewriteUrls(resource, settings, edits);\n',
    replace: '',
  },
  {
    name: 'emergency-of-everybody',
    by: 'in an emergency',
    off: 'an emergency is of one patient',
    file: 'decide/decide.ts',
    find: 'accepted?.patient === patient ? { accepted,',
    replace: 'accepted !== undefined ? { accepted,',
  },
  {
    name: 'no-statement',
    by: 'the notice',
    off: 'the statement of 42 CFR 2.32(a) goes with Part 2 records',
    file: 'enforce/notice.ts',
    find: 'const due = isStatementDue(obligations) ? [statements[statement]] : [];',
    replace: 'const due: string[] = [];',
  },
  {
    name: 'no-notice-of-a-search',
    by: 'the notice',
    off: 'a search bears the notice too',
    file: 'enforce/notice.ts',
    find: '    ...(isStatementDue(obligations)\n      ? [\n',
    replace: '    ...(obligations.length < 0\n      ? [\n',
  },
  {
    name: 'no-part2-labels',
    by: 'the notice',
    off: 'the redisclosure mark goes with Part 2 records',
    file: 'enforce/notice.ts',
    find: "[systems.actCode, 'RedisclosureProhibitionMark'],",
    replace: '',
  },
  {
    name: 'agreement-of-any-program',
    by: 'what an agreement',
    off: 'an agreement covers the records of its programs',
    file: 'decide/agreements.ts',
    find: 'comesFromAlone(sources, (program) => programs.has(program))',
    replace: 'comesFromAlone(sources, (program) => programs.has(program) || programs.size > 0)',
  },
  {
    name: 'agreement-of-some-program',
    by: 'what an agreement',
    off: 'an agreement covers what holds records of its programs alone',
    file: 'decide/agreements.ts',
    find: 'sources.length > 0 && sources.every(isAmong)',
    replace: 'sources.some(isAmong)',
  },
  {
    name: 'sources-not-inherited',
    by: 'what an agreement',
    off: 'whose records it holds is inherited with the labels',
    file: 'label/sources.ts',
    find: 'reached(start, parents, (one) => {',
    replace: 'reached(start, () => none, (one) => {',
  },
  {
    name: 'sources-unstated-ignored',
    by: 'what an agreement',
    off: 'Part 2 data that names no program is nobody’s in particular',
    file: 'label/sources.ts',
    find: 'sources.add(unstated);',
    replace: ';',
  },
  {
    name: 'agreement-of-any-type',
    by: 'what an agreement',
    off: 'an agreement covers the types that it lists',
    file: 'decide/agreements.ts',
    find: '(types === undefined || types.has(facts.type)) &&',
    replace: '(types === undefined || types.size > 0) &&',
  },
  {
    name: 'recipients-rules-ignored',
    by: 'what only a listed recipient',
    off: 'refrains that only a recipient can keep are heeded',
    file: 'decide/handling.ts',
    find: "if (handling !== 'recipient') return false;",
    replace: "if (handling !== 'tls') return false;",
  },
  {
    name: 'order-by-left-out',
    by: 'an element that is left out',
    off: 'nothing orders by what is left out',
    file: 'plan/result-parameters.ts',
    find: '(settings.leavesOutElements && !neverLeftOut.has(parameter.name))',
    replace: '(settings.leavesOutElements && !neverLeftOut)',
  },
  {
    name: 'elements-stay',
    by: 'an element that is left out',
    off: 'elements are kept back by their own labels',
    file: 'discover/visibility.ts',
    find: 'return this.#withheldElements(item).map(({ redaction }) => redaction);',
    replace: 'return this.#withheldElements(item).slice(0, 0).map(({ redaction }) => redaction);',
  },
  {
    name: 'primitives-stay',
    by: 'an element that is left out',
    off: 'the value of a primitive goes with its label',
    file: 'enforce/redact.ts',
    find: '    edits.cut(node);\n    return remove(resource, edits, value);',
    replace: '    edits.cut(node);\n    return true;',
  },
  {
    name: 'masks-cover-nothing',
    by: 'what a mask covers',
    off: 'a mask stands in the place of what it covers',
    file: 'enforce/redact.ts',
    find: 'isMaskable(resource, node)) {\n      edits.put(node, masked);\n',
    replace: 'isMaskable(resource, node)) {\n',
  },
  {
    name: 'words-not-read',
    by: 'what words alone',
    off: 'words are read where labels.readText is on',
    file: 'label/deep.ts',
    find: '    if (isRead) this.#readTexts(resource, findings);\n',
    replace: '',
  },
  {
    name: 'files-not-read',
    by: 'what words alone',
    off: 'attachments are read where labels.readText is on',
    file: 'label/deep.ts',
    find: "this.#words.find(contents.text, (shown) => findings.add(shown, 'attachment'));",
    replace: 'void contents.text;',
  },
  {
    name: 'pdf-not-read',
    by: 'what words alone',
    off: 'PDF files are read where labels.readText is on',
    file: 'upstream/files.ts',
    find: '    if (files.length === 0) return content;\n',
    replace: '    if (files.length >= 0) return content;\n',
  },
  {
    name: 'tags-not-read',
    by: 'what words alone',
    off: 'what stands inside of tags is read too',
    file: 'label/deep.ts',
    find: 'name === divName ? markupText(text) : text',
    replace: "name === divName ? text.replaceAll(/<[^>]*>/g, ' ') : text",
  },
];

/**
 * A copy of the gateway's source with one mutant in it.
 * @throws {Error} when the text to change is not there exactly once: then the mutant has to be brought up to date
 */
export function sourceWith(mutant: Mutant): string {
  const target = join(folder, mutant.name);
  rmSync(target, { recursive: true, force: true });
  cpSync(gatewaySource, target, { recursive: true });
  for (const [file, text] of changedFiles(mutant)) writeFileSync(join(target, file), text);
  return target;
}

/**
 * The files that a mutant changes, as it makes them.
 * @throws {Error} as `sourceWith`
 */
export function changedFiles(mutant: Mutant): ReadonlyMap<string, string> {
  const changed = new Map<string, string>();
  for (const { file, find, replace } of [mutant, ...(mutant.also === undefined ? [] : [mutant.also])]) {
    const parts = (changed.get(file) ?? readFileSync(join(gatewaySource, file), 'utf8')).split(find);
    if (parts.length !== 2)
      throw new Error(`${mutant.name}: ${file} has the text to change ${parts.length - 1} times, not once`);
    changed.set(file, parts.join(replace));
  }
  return changed;
}
