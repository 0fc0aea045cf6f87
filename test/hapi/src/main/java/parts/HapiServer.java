package parts;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.r5.JpaR5Config;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * A HAPI FHIR JPA server (R4 or R5, H2 in memory) on loopback, for the integration tests.
 *
 * <p>Arguments: the port, 0 for any free one; then {@code R5} for one of that version, {@code subscriptions} for one that calls rest-hooks. Prints
 * {@code READY <base URL>} when it answers, and ends when its standard input ends, so that it never outlives the test run that started it.
 */
public final class HapiServer {
    /** System property that is set where rest-hooks are called. */
    static final String SUBSCRIPTIONS = "parts.subscriptions";

    private static final int DEFAULT_PAGE_SIZE = 20;
    private static final int MAXIMUM_PAGE_SIZE = 1_000;

    private HapiServer() {}

    public static void main(String[] arguments) throws Exception {
        int port = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 0;
        var asked = List.of(arguments);
        boolean calls = asked.contains("subscriptions");
        System.setProperty(SUBSCRIPTIONS, String.valueOf(calls));
        var configurations = new ArrayList<Class<?>>();
        configurations.add(asked.contains("R5") ? JpaR5Config.class : JpaR4Config.class);
        configurations.add(HapiConfiguration.class);
        if (calls) configurations.add(SubscriptionsConfiguration.class);
        var beans = new AnnotationConfigApplicationContext(configurations.toArray(Class<?>[]::new));
        var server = new Server();
        var connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setPort(port);
        server.addConnector(connector);
        var context = new ServletContextHandler("/");
        context.addServlet(new ServletHolder(fhirServlet(beans)), "/fhir/*");
        server.setHandler(context);
        server.start();
        System.out.println("READY http://127.0.0.1:" + connector.getLocalPort() + "/fhir");
        System.out.flush();
        while (System.in.read() != -1) {
            // Input means nothing; its end means that the test run is over.
        }
        Runtime.getRuntime().halt(0); // Everything is in memory: there is nothing to close in order.
    }

    private static RestfulServer fhirServlet(AnnotationConfigApplicationContext beans) {
        var servlet = new RestfulServer(beans.getBean(FhirContext.class));
        var systemDao = beans.getBean(IFhirSystemDao.class);
        servlet.registerProviders(beans.getBean(ResourceProviderFactory.class).createProviders());
        servlet.registerProvider(beans.getBean(IJpaSystemProvider.class));
        var paging = beans.getBean(DatabaseBackedPagingProvider.class);
        paging.setDefaultPageSize(DEFAULT_PAGE_SIZE);
        paging.setMaximumPageSize(MAXIMUM_PAGE_SIZE);
        servlet.setPagingProvider(paging);
        servlet.setDefaultResponseEncoding(EncodingEnum.JSON);
        servlet.setServerConformanceProvider(new JpaCapabilityStatementProvider(
                servlet,
                systemDao,
                beans.getBean(JpaStorageSettings.class),
                beans.getBean(ISearchParamRegistry.class),
                beans.getBean(IValidationSupport.class)));
        return servlet;
    }
}
