import { z } from 'zod';

/** Codes of v3-ActCode that only who receives the data can keep. */
export const recipientCodes = [
  ...[
    'NORDSCLW',
    'NOMOU',
    'NOORGPOL',
    'ORCON',
    'NOVIP',
    'NOCOLLECT',
    'NOPERSISTP',
    'NOREUSE',
    'NOINTEGRATE',
    'NORELINK',
  ],
  ...['MINEC', 'ENCRYPTR', 'ENCRYPTU', 'CPLYCC', 'CPLYCUI', 'CPLYJPP', 'CPLYJSP', 'CPLYOPP', 'CPLYOSP', 'CPLYPOL'],
];

/** An organization, place, service or person as `Type/id`, URL or `system|value`: no bare word, so that none means what the engine calls `unstated`. */
export function isActorName(name: string): boolean {
  return /[/:|]/.test(name);
}

/** How data that is not labelled, or labelled in ways nobody knows, is labelled. */
export const labelsConfig = z
  .strictObject({
    tables: z.array(z.string()).default([]).describe('Files of code tables that replace the shipped one (JSON).'),
    readText: z
      .boolean()
      .default(false)
      .describe(
        'Look for words in narrative, notes, displays and attachments (text, HTML, RTF, C-CDA, FHIR, PDF) of every resource that is read. It costs time, and hides more than codes do.',
      ),
    maximumAttachmentBytes: z
      .int()
      .min(1_024)
      .max(67_108_864)
      .default(2_097_152)
      .describe('Largest attachment that is decoded for readText, in bytes.'),
    unreadAttachments: z
      .array(z.string())
      .default([])
      .describe(
        'Topics (v3-ActCode, or 42CFRPart2) of what holds a file that is not read, or not all of it, where readText is on: images, word processors’ files, PDF files that are locked, scanned, broken or too costly, and what is too large. Empty: such a file tells nothing, and is released with its resource.',
      ),
    inline: z
      .enum(['resource', 'element'])
      .default('resource')
      .describe(
        'Inline labels (HL7 DS4P) are of the whole resource, or of the element they stand on: then an element that the requester may not have is left out of a resource that he may have.',
      ),
    masked: z
      .array(z.string())
      .default([])
      .describe(
        'Topics (v3-ActCode) of elements that are masked instead of left out where inline is element: data-absent-reason masked, and REDACTED on the resource. Who sees a mask knows that there is something.',
      ),
    announced: z
      .array(z.string())
      .default([])
      .describe(
        'Topics (v3-ActCode) whose mask is a word: a search by patient alone says that something was withheld, where a resource of hers was for such a topic and for nothing else. Not how many, which or for what. Who reads it knows that there is something of that kind; never for Part 2 records, substance use and notes.',
      ),
    strengths: z
      .array(z.enum(['core', 'supporting', 'ambiguous']))
      .default(['core'])
      .describe(
        'Rows of the code tables that count. core: the code alone shows the topic; supporting: a hint; ambiguous: has an ordinary meaning too.',
      ),
    programs: z
      .array(z.union([z.string(), z.array(z.string()).min(1)]))
      .default([])
      .superRefine((programs, context) => {
        const names = programs.flat();
        const twice = names.find((name, index) => names.indexOf(name) !== index);
        if (twice !== undefined) context.addIssue({ code: 'custom', message: `${twice} is named twice` });
        const odd = names.find((name) => !isActorName(name));
        if (odd !== undefined)
          context.addIssue({ code: 'custom', message: `${odd} is no Type/id, URL or system|value` });
      })
      .describe(
        'Part 2 programs: organizations, locations, services and practitioners, as Type/id, URL or system|value; several names of one program as a list. What names one is labelled 42CFRPart2. What holds records of two is given by an agreement or to staff of both alone.',
      ),
    sensitiveActors: z
      .record(z.string(), z.array(z.string()))
      .default({})
      .describe('Actors whose mention gives sensitivity labels: Type/id, URL or system|value, to v3-ActCode codes.'),
    part2Source: z
      .boolean()
      .default(false)
      .describe(
        'The whole FHIR server belongs to a Part 2 program: everything about a patient is labelled 42CFRPart2.',
      ),
    ignoredLabelSystems: z
      .array(z.string())
      .default([])
      .describe(
        'Systems in meta.security that say nothing about release. Labels of other unknown systems count as restricted.',
      ),
    mappedLabels: z
      .record(z.string(), z.string())
      .default({})
      .describe('Labels of other systems and the sensitivity they mean: system|code, to a v3-ActCode code.'),
    writeAuthorizationFile: z
      .string()
      .optional()
      .describe(
        'File with the Authorization header that may write to the FHIR server, for labels that two stewards take away (service label-downgrade). Without it that service is not offered.',
      ),
    handlers: z
      .partialRecord(z.enum(recipientCodes), z.array(z.string().min(1).max(500)))
      .default({})
      .describe(
        'Who keeps a refrain or obligation that only the recipient can keep (v3-ActCode, such as NOPERSISTP), or has the permission that it asks for: code, to organizations and clients (Organization/id, URI, system|value, issuer|client_id). Data with such a label goes to nobody else.',
      ),
  })
  .describe('Security labels.');
