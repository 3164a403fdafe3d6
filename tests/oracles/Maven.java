import java.io.*;
import java.nio.charset.StandardCharsets;
import org.apache.maven.artifact.versioning.ComparableVersion;

/** Reads "a<TAB>b" lines and prints "<", "=" or ">" a line, by Maven's own ComparableVersion. */
public class Maven {
    public static void main(String[] arguments) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintWriter(new BufferedWriter(new OutputStreamWriter(System.out)));
        for (String line; (line = in.readLine()) != null; ) {
            int tab = line.indexOf('\t');
            var left = new ComparableVersion(line.substring(0, tab));
            int sign = left.compareTo(new ComparableVersion(line.substring(tab + 1)));
            out.println(sign < 0 ? '<' : sign > 0 ? '>' : '=');
        }
        out.flush();
    }
}
