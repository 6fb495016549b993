//go:build tools
package victorialogs
import _ "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs"
