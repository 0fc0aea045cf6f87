package parts;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.parser.DataFormatException;
import ca.uhn.fhir.parser.StrictErrorHandler;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.Resource;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/**
 * Validates every {@code *.json} below a directory against FHIR R4 and the profiles it claims.
 *
 * <p>Arguments: the directory of the conformance resources (StructureDefinition, CodeSystem, ValueSet), the directory
 * to validate. Prints {@code <file> <severity> <location> <complaint>} for each problem, {@code profile <url> <n>} for
 * each profile claimed, and as the last line {@code N valid, M invalid}. Exit code 1 if anything is invalid or there
 * is nothing to validate, 2 if it could not be tried.
 */
public final class ValidateEvents {
    private final FhirContext context = FhirContext.forR4();
    private final FhirValidator validator;

    private ValidateEvents(List<Path> folders) throws IOException {
        var guide = new PrePopulatedValidationSupport(context);
        for (Path folder : folders) {
            for (Path file : jsonBelow(folder)) {
                var resource = (Resource) context.newJsonParser().parseResource(Files.readString(file));
                if (!(resource instanceof CapabilityStatement)) {
                    guide.addResource(resource);
                }
            }
        }
        var chain = new ValidationSupportChain(
                new DefaultProfileValidationSupport(context),
                guide,
                new SnapshotGeneratingValidationSupport(context),
                new CommonCodeSystemsTerminologyService(context),
                new InMemoryTerminologyServerValidationSupport(context));
        var rules = new FhirInstanceValidator(chain);
        rules.setErrorForUnknownProfiles(true);
        rules.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
        rules.setAssumeValidRestReferences(true);
        rules.setValidatorPolicyAdvisor(new ReferenceTypes.Checked());
        rules.setValidatorResourceFetcher(new ReferenceTypes.NothingToFetch());
        validator = context.newValidator().registerValidatorModule(rules);
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 2) {
            System.err.println("usage: ValidateEvents <directory> <profiles>...");
            System.exit(2);
        }
        var events = new ValidateEvents(Arrays.stream(arguments).skip(1).map(Path::of).toList());
        var directory = Path.of(arguments[0]);
        var profiles = new TreeMap<String, Integer>();
        int valid = 0;
        int invalid = 0;
        for (Path file : jsonBelow(directory)) {
            var text = Files.readString(file);
            var complaints = events.complaints(text, profiles);
            complaints.forEach(complaint -> System.out.println(directory.relativize(file) + " " + complaint));
            if (complaints.isEmpty()) {
                valid++;
            } else {
                invalid++;
            }
        }
        profiles.forEach((url, count) -> System.out.println("profile " + url + " " + count));
        System.out.println(valid + " valid, " + invalid + " invalid");
        System.exit(invalid > 0 || valid == 0 ? 1 : 0);
    }

    /** Errors only: warnings in R4 speak of bindings that a server need not know. */
    private List<String> complaints(String text, TreeMap<String, Integer> profiles) {
        Resource resource;
        try {
            resource = (Resource)
                    context.newJsonParser().setParserErrorHandler(new StrictErrorHandler()).parseResource(text);
        } catch (DataFormatException unreadable) {
            return List.of("error (root) " + oneLine(unreadable.getMessage()));
        }
        resource.getMeta().getProfile().forEach(profile -> profiles.merge(profile.getValue(), 1, Integer::sum));
        var complaints = new ArrayList<String>();
        for (SingleValidationMessage message : validator.validateWithResult(text).getMessages()) {
            if (message.getSeverity().ordinal() >= ResultSeverityEnum.ERROR.ordinal()) {
                complaints.add(message.getSeverity().getCode() + " " + message.getLocationString() + " "
                        + oneLine(message.getMessage()));
            }
        }
        return complaints;
    }

    private static String oneLine(String message) {
        return message.replaceAll("\\s+", " ");
    }

    private static List<Path> jsonBelow(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            return files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
        } catch (UncheckedIOException broken) {
            throw broken.getCause();
        }
    }
}
